import { ada, bob, openLibrary, shelfOf, type Library } from "./testing/library";

let library: Library;
beforeAll(async () => {
  library = await openLibrary();
});
afterAll(() => library.close());
beforeEach(async () => {
  for (const tenant of [ada, bob]) await library.database.as(tenant).shelf.deleteMany();
});

const as = (tenant: object) => library.database.as(tenant);

test("a tenant sees its own rows alone, through models and through SQL", async () => {
  await as(ada).shelf.create({ data: shelfOf(ada, "shf_1") });
  expect(await as(ada).shelf.count()).toBe(1);
  expect(await as(ada).sql("select id from shelf")).toEqual([{ id: "shf_1" }]);
  expect(await as(bob).shelf.findFirst({ where: { id: "shf_1" } })).toBeNull();
  expect(await as(bob).sql("select id from shelf where id = $1", ["shf_1"])).toEqual([]);
});

test.each([
  ["no tenant", {}],
  ["nulls", { organizationId: null, workspaceId: null, userId: null }],
  ["an organization without a workspace", { organizationId: "org_a" }],
  ["another workspace of the same organization", { organizationId: "org_a", workspaceId: "wsp_other" }],
  ["a workspace id under another organization", { organizationId: "org_b", workspaceId: "wsp_a" }],
])("%s sees no row", async (_, tenant) => {
  await as(ada).shelf.create({ data: shelfOf(ada, "shf_1") });
  expect(await as(tenant).shelf.findMany()).toEqual([]);
  expect(await as(tenant).sql("select id from shelf")).toEqual([]);
});

test("a row can't be written into another tenant, nor moved there", async () => {
  await expect(as(ada).shelf.create({ data: shelfOf(bob, "shf_1") })).rejects.toThrow(/row-level security/);
  await as(ada).shelf.create({ data: shelfOf(ada, "shf_2") });
  await expect(
    as(ada).shelf.update({ where: { id: "shf_2" }, data: { organizationId: "org_b", workspaceId: "wsp_b" } }),
  ).rejects.toThrow(/row-level security/);
  expect(await as(bob).shelf.count()).toBe(0);
  expect(await as(ada).shelf.findMany({ select: { id: true } })).toEqual([{ id: "shf_2" }]);
});

test("another tenant's row can't be changed or deleted", async () => {
  await as(ada).shelf.create({ data: shelfOf(ada, "shf_1", "Law") });
  await expect(as(bob).shelf.update({ where: { id: "shf_1" }, data: { name: "Mine" } })).rejects.toThrow();
  expect(await as(bob).shelf.deleteMany()).toEqual({ count: 0 });
  expect(await as(bob).sql("update shelf set name = 'Mine' returning id")).toEqual([]);
  expect(await as(ada).shelf.findFirst()).toMatchObject({ name: "Law" });
});

test("a child can't hang on another tenant's parent", async () => {
  await as(ada).shelf.create({ data: shelfOf(ada, "shf_1") });
  const book = { id: "bok_1", shelfId: "shf_1", title: "Torts", pageCount: 9n };
  const { organizationId, workspaceId } = bob;
  await expect(as(bob).book.create({ data: { ...book, organizationId, workspaceId } })).rejects.toThrow(/foreign key/i);
  expect(await as(bob).book.count()).toBe(0);
});

test("relations stay within the tenant", async () => {
  const { organizationId, workspaceId } = ada;
  const books = { create: [{ id: "bok_1", title: "Torts", pageCount: 9n, workspaceId }] };
  await as(ada).shelf.create({ data: { ...shelfOf(ada, "shf_1"), books } });
  expect(await as(ada).shelf.findMany({ include: { books: true } })).toMatchObject([{ books: [{ organizationId }] }]);
  expect(await as(bob).book.findMany({ include: { shelf: true } })).toEqual([]);
});

test("a name is unique within a tenant, and free in the next", async () => {
  await as(ada).shelf.create({ data: shelfOf(ada, "shf_1", "Law") });
  await as(bob).shelf.create({ data: shelfOf(bob, "shf_2", "Law") });
  await expect(as(ada).shelf.create({ data: shelfOf(ada, "shf_3", "Law") })).rejects.toThrow(/unique/i);
});

test("the service's own scope passes only the policies that say so", async () => {
  await as(ada).shelf.create({ data: shelfOf(ada, "shf_1") });
  const service = library.database.asService();
  await service.errand.create({ data: { id: "err_1", note: "sweep" } });
  expect(await service.errand.count()).toBe(1);
  expect(await service.shelf.findMany()).toEqual([]);
  expect(await as(ada).errand.findMany()).toEqual([]);
  await expect(as(ada).errand.create({ data: { id: "err_2", note: "sneak" } })).rejects.toThrow(/row-level security/);
});

test.each([
  ["select set_config('app.organization', 'org_b', false)"],
  ["set app.organization = 'org_b'"],
  ["/* nothing */ set local app.organization = 'org_b'"],
  ["-- nothing\nreset app.organization"],
  ["do $$ begin perform set_config('app.organization', 'org_b', false); end $$"],
  ["select U&\"set\\005fconfig\"('app.organization', 'org_b', false)"],
  ["begin"],
  ["commit"],
  ["create temporary table loot as select * from shelf"],
  ["select 1; set app.organization = 'org_b'"],
  ["with t as (select set_config('app.organization', 'org_b', true)) select shelf.* from t, shelf"],
])("a statement can't change for whom it runs: %s", async (text) => {
  await as(bob).shelf.create({ data: shelfOf(bob, "shf_b") });
  await expect(as(ada).sql(text)).rejects.toThrow();
  await expect(as(ada).transaction((tx) => tx.sql(text))).rejects.toThrow();
  await expect(
    as(ada).transaction((tx) => tx.$executeRaw([text] as unknown as TemplateStringsArray)),
  ).rejects.toThrow();
  expect(await as(ada).sql("select id from shelf")).toEqual([]);
});

test("a tenant that isn't an id is refused before anything is sent", () => {
  for (const organizationId of ["org_a'; drop table shelf; --", "org_a\0", "ö", "x".repeat(201), "", " "])
    if (organizationId) expect(() => as({ organizationId })).toThrow(/not an id/);
  expect(() => as({ organizationId: 7 })).toThrow(/not an id/);
});

test("a handle has nothing that batches across callers, runs unchecked text or escapes the tenant", () => {
  const handle = as(ada) as unknown as Record<string, Record<string, unknown>>;
  expect(handle.shelf!.findUnique).toBeUndefined();
  expect(handle.shelf!.findUniqueOrThrow).toBeUndefined();
  for (const name of [
    "$transaction",
    "$queryRawUnsafe",
    "$executeRawUnsafe",
    "$extends",
    "$connect",
    "$disconnect",
    "then",
  ])
    expect(handle[name]).toBeUndefined();
});

test("the role that services connect as owns nothing and can't step outside", async () => {
  const [role] = await as(ada).sql<Record<string, unknown>>(
    `select current_user as name, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
            (select count(*) from pg_class where relowner = pg_roles.oid) as owned
     from pg_roles where rolname = current_user`,
  );
  expect(role).toEqual({
    name: "library_app",
    rolsuper: false,
    rolbypassrls: false,
    rolcreaterole: false,
    rolcreatedb: false,
    owned: 0,
  });
  await expect(as(ada).sql("select * from _prisma_migrations")).rejects.toThrow(/permission denied/);
  await expect(as(ada).sql("select * from pg_authid")).rejects.toThrow(/permission denied/);
});
