import { provisionDatabase } from "@atrium/database";
import { testAdminUrl } from "@atrium/database/testing";
import pg from "pg";
import { postgresEphemeral, type PostgresEphemeral } from ".";
import { conformance, login } from "./testing/conformance";

const database = `test_${process.pid}_ephemeral`;
const logged: unknown[] = [];
const log = { error: (...all: unknown[]) => void logged.push(all) };
let admin: pg.Client;
let urls: { ownerUrl: string; appUrl: string };
let owner: pg.Client;
/** Two processes on one database. */
let store: PostgresEphemeral;
let other: PostgresEphemeral;

beforeAll(async () => {
  const adminUrl = await testAdminUrl();
  admin = new pg.Client(adminUrl);
  await admin.connect();
  urls = await provisionDatabase(adminUrl, "ephemeral", database);
  [store, other] = await Promise.all([postgresEphemeral({ ...urls, log }), postgresEphemeral({ ...urls, log })]);
  owner = new pg.Client(urls.ownerUrl);
  await owner.connect();
});

afterAll(async () => {
  await Promise.all([store.close(), other.close(), owner.end()]);
  await admin.query(`drop database ${database}`);
  await admin.end();
});

const breakConnections = async () => {
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'atrium ephemeral'",
    [database],
  );
};

const rows = async (table: string) => Number((await owner.query(`select count(*) from ${table}`)).rows[0].count);
/** Lets `seconds` pass for everything that is stored. */
async function pass(seconds: number): Promise<void> {
  await owner.query("update ephemeral_value set expires_at = expires_at - make_interval(secs => $1)", [seconds]);
  await owner.query(
    `update ephemeral_limit set window_ends_at = window_ends_at - make_interval(secs => $1),
       refused_until = refused_until - make_interval(secs => $1),
       exceeded_is_forgotten_at = exceeded_is_forgotten_at - make_interval(secs => $1)`,
    [seconds],
  );
}

describe("in PostgreSQL", () =>
  conformance({
    open: () => postgresEphemeral({ ...urls, log }),
    pass,
    count: async () => [await rows("ephemeral_value"), await rows("ephemeral_limit")],
    async exceed({ name }, key, times) {
      await owner.query("update ephemeral_limit set times_exceeded = $1 where name = $2 and key = $3", [
        times,
        name,
        key,
      ]);
    },
    breakConnections,
    async refuse() {
      await admin.query(`alter database ${database} allow_connections false`);
      await breakConnections();
    },
    async admit() {
      await admin.query(`alter database ${database} allow_connections true`);
    },
  }));

test("pruning deletes what has expired and nothing else, while others use it", async () => {
  await owner.query("truncate ephemeral_value, ephemeral_limit");
  await Promise.all(Array.from({ length: 50 }, (_, index) => store.set(`short:${index}`, 1, 10)));
  await store.set("long", 1, 1_000);
  await store.consume(login, "short");
  await store.consume({ ...login, windowSeconds: 1_000 }, "long");
  await pass(100);
  await owner.query("begin; select from ephemeral_value where key = 'short:7' for update");
  expect((await Promise.all([store.prune(), other.prune()])).reduce((sum, count) => sum + count)).toBe(50);
  await owner.query("commit");
  expect(await store.prune()).toBe(1);
  expect([await rows("ephemeral_value"), await rows("ephemeral_limit")]).toEqual([1, 1]);
});

test("the role that uses the store owns nothing and can't change the tables", async () => {
  const app = new pg.Client(urls.appUrl);
  await app.connect();
  await expect(app.query("drop table ephemeral_value")).rejects.toThrow("must be owner");
  await expect(app.query("truncate ephemeral_limit")).rejects.toThrow("permission denied");
  await expect(app.query("create table mine ()")).rejects.toThrow("permission denied");
  await app.end();
});
