import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { MigrationError, migrate, provisionDatabase, type ServiceDatabase } from ".";
import { quote, withConnection } from "./admin";
import { testAdminUrl } from "./testing";
import { libraryMigrations } from "./testing/library";

let home: ServiceDatabase;
let directory: string;
let count = 0;

beforeEach(async () => {
  home = await provisionDatabase(await testAdminUrl(), "library", `test_${process.pid}_9${++count}`);
  directory = mkdtempSync(path.join(tmpdir(), "migrations-"));
  cpSync(libraryMigrations, directory, { recursive: true });
});
afterEach(async () => {
  const name = new URL(home.ownerUrl).pathname.slice(1);
  await withConnection(await testAdminUrl(), (admin) => admin.query(`drop database ${quote(name)} with (force)`));
  rmSync(directory, { recursive: true });
});

function add(name: string, sql: string): void {
  mkdirSync(path.join(directory, name), { recursive: true });
  writeFileSync(path.join(directory, name, "migration.sql"), sql);
}
const run = () => migrate({ ...home, directory });
const ask = (text: string) =>
  withConnection(home.ownerUrl, async (owner) => (await owner.query(text)).rows as unknown[]);
const recorded = async () =>
  (await ask("select migration_name as name from _prisma_migrations where finished_at is not null order by 1")) as {
    name: string;
  }[];

test("applies what is missing, in the order of the names, and nothing twice", async () => {
  add("20261102000000_second", "alter table errand add column due date");
  expect(await run()).toEqual(["20261101000000_shelf", "20261102000000_second"]);
  expect(await run()).toEqual([]);
  add("20261103000000_third", "alter table errand add column done date");
  expect(await run()).toEqual(["20261103000000_third"]);
  expect((await recorded()).map(({ name }) => name)).toEqual([
    "20261101000000_shelf",
    "20261102000000_second",
    "20261103000000_third",
  ]);
});

test("run five times at once, each migration is applied once", async () => {
  add("20261102000000_second", "create table counted (n int); insert into counted select 1 from pg_sleep(0.1)");
  const runs = await Promise.all(Array.from({ length: 5 }, run));
  expect(runs.flat().sort()).toEqual(["20261101000000_shelf", "20261102000000_second"]);
  expect(await ask("select n from counted")).toEqual([{ n: 1 }]);
});

test("a migration that fails leaves nothing behind, and says where it failed", async () => {
  add("20261102000000_broken", "create table half (n int);\nselect 1;\nselect no_such_column from half;");
  const failure = await run().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(MigrationError);
  expect((failure as Error).message).toMatch(
    /20261102000000_broken failed and was rolled back: .*no_such_column.*line 3/,
  );
  expect(await ask("select to_regclass('half') as half")).toEqual([{ half: null }]);
  add("20261102000000_broken", "create table half (n int);");
  expect(await run()).toEqual(["20261102000000_broken"]);
});

test("a migration changed after it was applied stops everything, before anything", async () => {
  await run();
  add("20261101000000_shelf", "select 1");
  add("20261102000000_second", "create table never (n int)");
  await expect(run()).rejects.toThrow("20261101000000_shelf was changed after it was applied");
  expect(await ask("select to_regclass('never') as never")).toEqual([{ never: null }]);
});

test("a migration that another tool left unfinished stops everything", async () => {
  await run();
  await ask("update _prisma_migrations set finished_at = null");
  await expect(run()).rejects.toThrow("never finished");
});

test("a body in dollar quotes and several statements arrive whole", async () => {
  add(
    "20261102000000_function",
    "create function twice(n int) returns int language plpgsql as $$ begin n := n * 2; return n; end $$; select twice(2);",
  );
  await run();
  expect(await ask("select twice(21) as answer")).toEqual([{ answer: 42 }]);
});

test("scripts of other packages run first, once, and apart from the service's own", async () => {
  const base = [{ name: "events_0001", sql: "create table outbox_event (id text primary key)" }];
  add("20261102000000_uses_it", "insert into outbox_event values (current_organization() is null)");
  expect(await migrate({ ...home, directory, base })).toHaveLength(2);
  expect(await migrate({ ...home, directory, base })).toEqual([]);
  expect(await ask("select id from outbox_event")).toEqual([{ id: "true" }]);
  const changed = [{ name: "events_0001", sql: "create table outbox_event (id text)" }];
  await expect(migrate({ ...home, directory, base: changed })).rejects.toThrow("events_0001 was changed");
});

test("the service's role may use what a migration made, and not the records of migrations", async () => {
  add("20261102000000_numbered", "create table numbered (n bigint generated always as identity, m serial, t text)");
  await run();
  await withConnection(home.appUrl, async (app) => {
    await app.query("insert into numbered (t) values ('x')");
    await app.query("select from shelf");
    for (const forbidden of [
      "select from _prisma_migrations",
      "select from _base_migration",
      "create table mine (n int)",
      "drop table shelf",
      "truncate shelf",
      "alter table shelf disable row level security",
      "create temporary table t (n int)",
    ])
      await expect(app.query(forbidden)).rejects.toThrow(/permission denied|must be owner/);
  });
});
