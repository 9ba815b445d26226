import { withConnection } from "../admin";
import { testDatabase } from ".";
import { libraryMigrations } from "./library";

test("each test database has the migrations, and none sees another's rows", async () => {
  const [one, two] = await Promise.all([
    testDatabase("library", libraryMigrations),
    testDatabase("library", libraryMigrations),
  ]);
  const count = (url: string) =>
    withConnection(url, async (app) => (await app.query("select count(*)::int as n from errand")).rows);
  await withConnection(one.ownerUrl, (owner) => owner.query("alter table errand no force row level security"));
  await withConnection(one.ownerUrl, (owner) => owner.query("insert into errand values ('err_1', 'x')"));
  expect(await count(one.ownerUrl)).toEqual([{ n: 1 }]);
  expect(await count(two.ownerUrl)).toEqual([{ n: 0 }]);
  await Promise.all([one.drop(), two.drop()]);
  await expect(count(one.appUrl)).rejects.toThrow("does not exist");
});

test("a clone takes milliseconds", async () => {
  const first = await testDatabase("library", libraryMigrations);
  const start = performance.now();
  const clones = [];
  for (let i = 0; i < 5; i++) clones.push(await testDatabase("library", libraryMigrations));
  const each = (performance.now() - start) / clones.length;
  await Promise.all([first, ...clones].map((database) => database.drop()));
  expect(each).toBeLessThan(1_000);
});
