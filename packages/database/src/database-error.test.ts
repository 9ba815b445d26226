import { isSerializationFailure, uniqueViolation } from ".";
import { ada, openLibrary, shelfOf, type Library } from "./testing/library";

let library: Library;
beforeAll(async () => {
  library = await openLibrary();
  await db().shelf.create({ data: shelfOf(ada, "shf_1", "Law") });
});
afterAll(() => library.close());

const db = () => library.database.as(ada);
const failureOf = (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error);

test("a row refused for its uniqueness is known by its constraint, whichever way it went", async () => {
  const ways = [
    db().shelf.create({ data: shelfOf(ada, "shf_2", "Law") }),
    db().sql("insert into shelf (organization_id, workspace_id, id, name) values ('org_a', 'wsp_a', 'shf_2', 'Law')"),
    db()
      .$executeRaw`insert into shelf (organization_id, workspace_id, id, name) values ('org_a', 'wsp_a', 'shf_2', 'Law')`,
  ];
  for (const failure of await Promise.all(ways.map(failureOf)))
    expect(uniqueViolation(failure)).toBe("shelf_organization_id_workspace_id_name_key");
});

test("anything else isn't a violation of uniqueness", async () => {
  for (const other of [await failureOf(db().sql("select 1 / 0")), new Error("23505"), null, "23505", undefined])
    expect([uniqueViolation(other), isSerializationFailure(other)]).toEqual([null, false]);
});

test.each([
  ["models", (tx: ReturnType<typeof db>) => tx.shelf.updateMany({ data: { createdAt: new Date() } })],
  ["SQL", (tx: ReturnType<typeof db>) => tx.sql("update shelf set created_at = clock_timestamp()")],
  ["Prisma's SQL", (tx: ReturnType<typeof db>) => tx.$executeRaw`update shelf set created_at = clock_timestamp()`],
])("of two transactions that can't both be right one fails and is known by it: %s", async (_, change) => {
  let readers = 0;
  const bothHaveRead = new Promise<void>((resolve) => {
    const poll = setInterval(() => {
      if (readers < 2) return;
      clearInterval(poll);
      resolve();
    }, 5);
  });
  const run = () =>
    db().transaction(
      async (tx) => {
        await tx.shelf.findMany();
        readers++;
        await bothHaveRead;
        await change(tx);
      },
      { isolation: "Serializable" },
    );
  const failures = (await Promise.all([run(), run()].map(failureOf))).filter(Boolean);
  expect(failures.map(isSerializationFailure)).toEqual([true]);
});
