import { ada, bob, openLibrary, shelfOf, type Library } from "./testing/library";

let library: Library;
beforeAll(async () => {
  library = await openLibrary();
});
afterAll(() => library.close());
beforeEach(() => library.database.as(ada).shelf.deleteMany());

const db = () => library.database.as(ada);
const ids = async () => (await db().shelf.findMany({ orderBy: { id: "asc" } })).map(({ id }) => id);

test("models and SQL share the transaction", async () => {
  await db().transaction(async (tx) => {
    await tx.shelf.create({ data: shelfOf(ada, "shf_1") });
    expect(await tx.sql("select id from shelf")).toEqual([{ id: "shf_1" }]);
    expect(await tx.$queryRaw`select id from shelf where id = ${"shf_1"}`).toEqual([{ id: "shf_1" }]);
    expect(await ids()).toEqual([]); // the rest of the world doesn't see it yet
    expect(tx.tenant).toEqual(ada);
  });
  expect(await ids()).toEqual(["shf_1"]);
});

test("a failure undoes everything", async () => {
  const failing = db().transaction(async (tx) => {
    await tx.shelf.create({ data: shelfOf(ada, "shf_1") });
    await tx.sql("update shelf set name = 'x'");
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await ids()).toEqual([]);
});

test("a nested transaction joins the outer one", async () => {
  await db().transaction(async (tx) => {
    await tx.transaction(async (inner) => {
      await inner.shelf.create({ data: shelfOf(ada, "shf_1") });
    });
    expect(await tx.shelf.count()).toBe(1);
    expect(await ids()).toEqual([]);
  });
  expect(await ids()).toEqual(["shf_1"]);
});

test("when joined work fails nothing is kept, even where the failure was caught", async () => {
  const careless = db().transaction(async (tx) => {
    const joined = tx.transaction(async (inner) => {
      await inner.shelf.create({ data: shelfOf(ada, "shf_half") });
      throw new Error("half done");
    });
    await joined.catch(() => {});
    await tx.shelf.create({ data: shelfOf(ada, "shf_rest") });
  });
  await expect(careless).rejects.toThrow("half done");
  expect(await ids()).toEqual([]);
});

test("effects run in order once the change is there to be read, and not after a rollback", async () => {
  const seen: unknown[] = [];
  await db().transaction(async (tx) => {
    tx.afterCommit(() => seen.push("first"));
    await tx.transaction(async (inner) => inner.afterCommit(() => seen.push("second")));
    await tx.shelf.create({ data: shelfOf(ada, "shf_1") });
    expect(seen).toEqual([]);
  });
  expect(seen).toEqual(["first", "second"]);
  const failing = db().transaction(async (tx) => {
    tx.afterCommit(() => seen.push("never"));
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(seen).toEqual(["first", "second"]);
  db().afterCommit(() => seen.push("at once"));
  expect(seen).toEqual(["first", "second", "at once"]);
});

test("an effect that fails changes nothing about the commit", async () => {
  const result = await db().transaction(async (tx) => {
    tx.afterCommit(() => {
      throw new Error("the subscriber has gone");
    });
    await tx.shelf.create({ data: shelfOf(ada, "shf_1") });
    return "done";
  });
  expect(result).toBe("done");
  expect(await ids()).toEqual(["shf_1"]);
});

test("a handle of a transaction is of no use after its end", async () => {
  const kept = await db().transaction(async (tx) => tx);
  await expect(kept.sql("select 1")).rejects.toThrow("has ended");
  await expect(kept.shelf.count()).rejects.toThrow();
});

test("a handle of another tenant within a transaction is another connection and another tenant", async () => {
  await library.database.as(bob).shelf.deleteMany();
  await db().transaction(async (tx) => {
    await library.database.as(bob).shelf.create({ data: shelfOf(bob, "shf_bob") });
    expect(await tx.shelf.findMany()).toEqual([]);
  });
  expect(await library.database.as(bob).shelf.count()).toBe(1);
});

test.each(["RepeatableRead", "Serializable"] as const)(
  "the isolation asked for is the one that runs: %s",
  async (isolation) => {
    const work = (tx: ReturnType<typeof db>) => tx.sql("select current_setting('transaction_isolation') as level");
    const level = isolation === "Serializable" ? "serializable" : "repeatable read";
    expect(await db().transaction(work, { isolation })).toEqual([{ level }]);
    expect(await db().transaction(work)).toEqual([{ level: "read committed" }]);
  },
);
