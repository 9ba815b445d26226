import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

// In a process of its own: Jest can't load the engine's WebAssembly.
async function review(prisma: string, base: unknown[] = []): Promise<unknown> {
  const script = `
    const { reviewSchema } = require(${JSON.stringify(path.join(__dirname, "schema-review.ts"))});
    reviewSchema(${JSON.stringify({ prisma, base })}).then((review) => console.log(JSON.stringify(review)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "-e", script]);
  return JSON.parse(stdout);
}

let prisma: string;
beforeEach(() => {
  prisma = mkdtempSync(path.join(tmpdir(), "prisma-"));
  cpSync(path.join(__dirname, "../../prisma"), prisma, { recursive: true });
});
afterEach(() => rmSync(prisma, { recursive: true }));

function migration(sql: string): void {
  mkdirSync(path.join(prisma, "migrations/20261201000000_more"));
  writeFileSync(path.join(prisma, "migrations/20261201000000_more/migration.sql"), sql);
}

test("the example's migrations do what its schema says, tables of other packages aside", async () => {
  const base = [
    {
      name: "other_0001",
      sql: "create type mood as enum ('ok'); create table other (n int not null primary key, mood mood)",
    },
  ];
  expect(await review(prisma, base)).toEqual({ missing: "", unprotected: [] });
});

test("what the schema says beyond the migrations is missing, as SQL", async () => {
  const file = path.join(prisma, "schema.prisma");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace("note String", "note String\n  due DateTime? @db.Timestamptz(3)"),
  );
  expect(await review(prisma)).toEqual({
    missing: expect.stringContaining('ALTER TABLE "errand" ADD COLUMN     "due" TIMESTAMPTZ(3)'),
    unprotected: [],
  });
});

test("what the migrations make beyond the schema is missing too", async () => {
  migration("alter table errand add column due timestamptz(3)");
  expect(await review(prisma)).toMatchObject({ missing: expect.stringContaining('DROP COLUMN "due"') });
});

test.each([
  ["no row-level security", ""],
  [
    "row-level security that its owner escapes",
    "alter table plain enable row level security; create policy p on plain using (true);",
  ],
  ["no policy", "alter table plain enable row level security, force row level security;"],
])("a table with %s is found", async (_, sql) => {
  const file = path.join(prisma, "schema.prisma");
  writeFileSync(file, `${readFileSync(file, "utf8")}\nmodel plain {\n  id String @id\n}\n`);
  migration(`create table plain (id text not null primary key); ${sql}`);
  expect(await review(prisma)).toEqual({ missing: "", unprotected: ["plain"] });
});
