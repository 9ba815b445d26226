import path from "node:path";
import { openDatabase, type Database } from ".";
import { PrismaClient } from "./generated/prisma/client";
import { testDatabase, type TestDatabase } from "./testing";

const ada = { organizationId: "org_a", workspaceId: "wsp_a", userId: "usr_ada" };
const bob = { organizationId: "org_b", workspaceId: "wsp_b", userId: "usr_bob" };

let home: TestDatabase;
let database: Database<PrismaClient>;

beforeAll(async () => {
  home = await testDatabase("library", path.join(__dirname, "../prisma/migrations"));
  database = openDatabase({ url: home.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
});
afterAll(async () => {
  await database?.close();
  await home?.drop();
});

test("a tenant sees its own rows alone", async () => {
  await database
    .as(ada)
    .shelf.create({ data: { organizationId: "org_a", workspaceId: "wsp_a", id: "shf_1", name: "Law" } });
  expect(await database.as(ada).shelf.count()).toBe(1);
  expect(await database.as(bob).shelf.findMany()).toEqual([]);
  expect(await database.as(ada).sql("select id from shelf")).toEqual([{ id: "shf_1" }]);
  expect(await database.as(bob).sql("select id from shelf where id = $1", ["shf_1"])).toEqual([]);
});

test("transactions", async () => {
  const seen = await database.as(ada).transaction(async (tx) => {
    await tx.shelf.create({ data: { organizationId: "org_a", workspaceId: "wsp_a", id: "shf_2", name: "Tax" } });
    return tx.sql("select id from shelf order by id");
  });
  expect(seen).toEqual([{ id: "shf_1" }, { id: "shf_2" }]);
});
