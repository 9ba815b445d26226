import type { PrismaPg } from "@prisma/adapter-pg";
import { openDatabase } from ".";
import { PrismaClient } from "./generated/prisma/client";
import { settingsOf } from "./tenant";
import { ada, bob, openLibrary, shelfOf, type Library } from "./testing/library";

// Prisma gathers the findUnique calls of one tick into one query, whoever makes them: run under one caller's tenant, it
// loses the other's rows or shows them to the wrong one. To be run on every upgrade of Prisma.
let library: Library;
beforeAll(async () => {
  library = await openLibrary();
  for (const tenant of [ada, bob])
    await library.database.as(tenant).shelf.createMany({
      data: Array.from({ length: 50 }, (_, i) => shelfOf(tenant, `${tenant.organizationId}_${i}`)),
    });
});
afterAll(() => library.close());

const idOf = (tenant: typeof ada, i: number) => `${tenant.organizationId}_${i % 50}`;

test("12,000 look-ups of two tenants, 250 in one tick: none leaks, none is lost", async () => {
  const look = async (i: number) => {
    const [caller, owner] = [i % 2 ? ada : bob, i % 3 ? ada : bob];
    const found = await library.database.as(caller).shelf.findFirst({ where: { id: idOf(owner, i) } });
    return { expected: caller === owner ? idOf(owner, i) : undefined, found: found?.id };
  };
  // In rounds, since the last of all at once would wait for a connection for longer than the pool lets anybody wait,
  // on a machine that has other things to do.
  for (let from = 0; from < 12_000; from += 250) {
    const looks = await Promise.all(Array.from({ length: 250 }, (_, i) => look(from + i)));
    expect(looks.filter(({ expected, found }) => expected !== found)).toEqual([]);
  }
}, 120_000);

test("a transaction and single look-ups of another tenant in one tick don't mix", async () => {
  const looks = Array.from({ length: 200 }, async (_, i) => {
    const caller = i % 2 ? ada : bob;
    const handle = library.database.as(caller);
    const ids = { where: { id: { in: [idOf(ada, i), idOf(bob, i)] } }, select: { id: true } };
    const found = i % 3 ? await handle.shelf.findMany(ids) : await handle.transaction((tx) => tx.shelf.findMany(ids));
    expect(found).toEqual([{ id: idOf(caller, i) }]);
  });
  await Promise.all(looks);
}, 60_000);

test("a promise is the tenant's who asked, wherever it is awaited", async () => {
  const asked = library.database.as(ada).shelf.findMany({ take: 1, orderBy: { id: "asc" } });
  const inside = await library.database.as(bob).transaction(async () => asked);
  expect(inside).toMatchObject([{ organizationId: "org_a" }]);
});

// What the handle protects from. If this fails, Prisma has stopped batching, and the handle may give findUnique back.
test("control: on the bare client the same look-ups go wrong", async () => {
  let bare: PrismaClient;
  const createClient = (adapter: PrismaPg) => (bare = new PrismaClient({ adapter }));
  const database = openDatabase({ url: library.home.appUrl, createClient });
  const look = async (i: number) => {
    const [caller, owner] = [i % 2 ? ada : bob, i % 3 ? ada : bob];
    const found = await database.pool.within({ settings: settingsOf(caller) }, async () =>
      bare.shelf.findUnique({ where: { id: idOf(owner, i) } }),
    );
    return (caller === owner ? idOf(owner, i) : undefined) !== found?.id;
  };
  const wrong = (await Promise.all(Array.from({ length: 500 }, (_, i) => look(i)))).filter(Boolean);
  await database.close();
  expect(wrong.length).toBeGreaterThan(0);
});
