import type pg from "pg";
import { withConnection } from "./admin";
import { testAdminUrl } from "./testing";
import { ada, bob, openLibrary, shelfOf, type Library } from "./testing/library";

// One connection: whatever a statement leaves behind, the next one meets.
let library: Library;
beforeAll(async () => {
  library = await openLibrary({ poolMax: 1 });
  for (const tenant of [ada, bob])
    await library.database.as(tenant).shelf.create({ data: shelfOf(tenant, `shf_${tenant.organizationId}`) });
});
afterAll(() => library.close());

const as = (tenant: object) => library.database.as(tenant);
const visible = (handle = as({})) => handle.sql("select id from shelf");

/** What a statement that binds nobody would meet on the pool's only connection. */
async function leftBehind(): Promise<Record<string, string | null>> {
  const checkOut = Object.getPrototypeOf(library.database.pool.constructor.prototype)
    .connect as () => Promise<pg.PoolClient>;
  const client = await checkOut.call(library.database.pool);
  const { rows } = await client.query<Record<string, string | null>>(
    `select current_organization(), current_workspace(), current_user_id(), is_service()`,
  );
  client.release();
  return rows[0]!;
}
const nothing = { current_organization: null, current_workspace: null, current_user_id: null, is_service: false };

test("the tenant ends with its statement", async () => {
  expect(await visible(as(ada))).toHaveLength(1);
  expect(await leftBehind()).toEqual(nothing);
  await library.database.asService(ada).sql("select 1");
  expect(await leftBehind()).toEqual(nothing);
});

test("the tenant ends with a statement that fails", async () => {
  await expect(as(ada).sql("select 1 / 0")).rejects.toThrow("division by zero");
  await expect(as(ada).sql("select no_such_column from shelf")).rejects.toThrow("no_such_column");
  await expect(as(ada).sql("select $1::int", ["not a number"])).rejects.toThrow("invalid input syntax");
  expect(await leftBehind()).toEqual(nothing);
  expect(await visible()).toEqual([]);
});

test("the tenant ends with its transaction, committed or rolled back", async () => {
  await as(ada).transaction((tx) => tx.sql("select 1"));
  expect(await leftBehind()).toEqual(nothing);
  await expect(as(ada).transaction((tx) => tx.sql("select 1 / 0"))).rejects.toThrow("division by zero");
  expect(await leftBehind()).toEqual(nothing);
  const failing = as(ada).transaction(async () => {
    throw new Error("changed my mind");
  });
  await expect(failing).rejects.toThrow("changed my mind");
  expect(await leftBehind()).toEqual(nothing);
});

test("a transaction that runs too long is rolled back, and the next caller meets nothing of it", async () => {
  const slow = as(ada).transaction(
    async (tx) => {
      await tx.shelf.create({ data: shelfOf(ada, "shf_slow") });
      await new Promise((resolve) => setTimeout(resolve, 300));
      await tx.sql("select 1");
    },
    { timeoutMs: 100 },
  );
  await expect(slow).rejects.toThrow();
  expect(await leftBehind()).toEqual(nothing);
  expect(await as(ada).shelf.count({ where: { id: "shf_slow" } })).toBe(0);
});

test("a killed connection is replaced: idle, in a query, in a transaction", async () => {
  const kill = (pid: number) =>
    withConnection(adminUrl, (admin) => admin.query("select pg_terminate_backend($1)", [pid]));
  const adminUrl = await testAdminUrl();
  const backend = async (handle = as(ada)) =>
    (await handle.sql<{ pid: number }>("select pg_backend_pid() as pid"))[0]!.pid;

  await kill(await backend());
  expect(await visible(as(ada))).toHaveLength(1);

  const pid = await backend();
  const sleeping = as(ada).sql<{ pid: number }>(
    "select pg_backend_pid() as pid, pg_sleep(case pg_backend_pid() when $1 then 5 else 0 end)",
    [pid],
  );
  await untilActive(adminUrl, pid);
  await kill(pid);
  expect((await sleeping)[0]!.pid).not.toBe(pid); // a query is asked again

  const doomed = as(ada).transaction(async (tx) => {
    await tx.shelf.create({ data: shelfOf(ada, "shf_doomed") });
    await kill(await backend(tx));
    await tx.sql("select 1");
  });
  await expect(doomed).rejects.toThrow();
  expect(await as(ada).shelf.count({ where: { id: "shf_doomed" } })).toBe(0);
  expect(await visible(as(bob))).toHaveLength(1);
});

test("a change is not sent a second time when its connection breaks", async () => {
  const adminUrl = await testAdminUrl();
  const [{ pid }] = (await as(ada).sql<{ pid: number }>("select pg_backend_pid() as pid")) as [{ pid: number }];
  const change = as(ada).sql(
    "insert into shelf (organization_id, workspace_id, id, name) select 'org_a', 'wsp_a', 'shf_twice', 'x' from pg_sleep(5)",
  );
  await untilActive(adminUrl, pid);
  await withConnection(adminUrl, (admin) => admin.query("select pg_terminate_backend($1)", [pid]));
  await expect(change).rejects.toThrow(/terminat/);
  expect(await as(ada).shelf.count({ where: { id: "shf_twice" } })).toBe(0);
});

test("a slow statement is ended by the server", async () => {
  const { database, close } = await openLibrary({ statementTimeoutMs: 100 });
  await expect(database.as(ada).sql("select pg_sleep(5)")).rejects.toThrow(/statement timeout/);
  await expect(database.as(ada).transaction((tx) => tx.sql("select pg_sleep(5)"))).rejects.toThrow(/statement timeout/);
  await close();
});

test("a statement that was prepared before a migration still works after it", async () => {
  const { home, database, close } = await openLibrary({ poolMax: 1 });
  const read = () => database.as(ada).sql("select * from shelf");
  for (let i = 0; i < 3; i++) await read();
  await withConnection(home.ownerUrl, (owner) => owner.query("alter table shelf add column colour text"));
  expect(await read()).toEqual([]);
  await close();
});

test("instants are read as they were written, whatever the zone of the process and of the server", async () => {
  const createdAt = new Date("2026-03-29T01:30:00.123Z"); // an hour that Berlin's summer time skips
  const { home, database, close } = await openLibrary();
  const name = new URL(home.appUrl).pathname.slice(1);
  await withConnection(await testAdminUrl(), (admin) =>
    admin.query(`alter role library_app in database ${name} set timezone = 'Asia/Kathmandu'`),
  );
  await database.as(ada).shelf.create({ data: { ...shelfOf(ada, "shf_time"), createdAt } });
  const select =
    "select created_at, created_at::date as day, created_at::timestamp as plain, current_setting('timezone') as zone from shelf";
  const [row] = await database.as(ada).sql<Record<string, unknown>>(`${select} where id = 'shf_time'`);
  expect(row).toEqual({ created_at: createdAt, day: "2026-03-29", plain: createdAt, zone: "UTC" });
  const found = await database.as(ada).shelf.findMany({ where: { createdAt: { equals: createdAt } } });
  expect(found).toMatchObject([{ createdAt }]);
  expect(await database.as(ada).sql("select id from shelf where created_at = $1", [createdAt])).toHaveLength(1);
  const inTransaction = await database.as(ada).transaction((tx) => tx.shelf.findFirst({ where: { id: "shf_time" } }));
  expect(inTransaction).toMatchObject({ createdAt });
  await close();
});

test("numbers that don't fit are refused, not rounded", async () => {
  expect(await as(ada).sql("select 9007199254740991::int8 as n, 0.1::numeric as d")).toEqual([
    { n: 9007199254740991, d: "0.1" },
  ]);
  await expect(as(ada).sql("select 9007199254740992::int8 as n")).rejects.toThrow(/doesn't fit/);
  expect(await visible(as(ada))).toHaveLength(1);
});

test("statements of a transaction that run side by side are sent one after the other", async () => {
  const sums = await as(ada).transaction((tx) =>
    Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 ? tx.sql<{ n: number }>("select $1::int as n", [i]) : tx.shelf.count(),
      ),
    ),
  );
  expect(sums).toHaveLength(20);
});

async function untilActive(adminUrl: string, pid: number): Promise<void> {
  await withConnection(adminUrl, async (admin) => {
    for (;;) {
      const { rowCount } = await admin.query("select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'", [
        pid,
      ]);
      if (rowCount) return;
    }
  });
}
