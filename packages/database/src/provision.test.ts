import { provisionDatabase } from ".";
import { quote, urlWith, withConnection } from "./admin";
import { testAdminUrl } from "./testing";

const made: string[] = [];
let count = 0;

async function provision(service: string, database = `test_${process.pid}_8${++count}`) {
  if (!made.includes(database)) made.push(database);
  return provisionDatabase(await testAdminUrl(), service, database);
}
afterAll(async () => {
  const adminUrl = await testAdminUrl();
  await withConnection(adminUrl, async (admin) => {
    for (const database of made) await admin.query(`drop database ${quote(database)} with (force)`);
  });
});

const connect = (url: string) =>
  withConnection(url, async (client) => (await client.query<{ is: string }>("select current_user as is")).rows[0]!.is);

test("gives a service a database with a role that owns it and one that owns nothing", async () => {
  const { ownerUrl, appUrl, appRole } = await provision("orchard");
  expect(await connect(ownerUrl)).toBe("orchard_owner");
  expect(await connect(appUrl)).toBe("orchard_app");
  expect(appRole).toBe("orchard_app");
  await withConnection(appUrl, async (app) => {
    await expect(app.query("create table mine (n int)")).rejects.toThrow("permission denied");
    await expect(app.query("create schema mine")).rejects.toThrow("permission denied");
    await expect(app.query("set role orchard_owner")).rejects.toThrow("permission denied");
  });
  const rights = await withConnection(ownerUrl, (owner) =>
    owner.query(
      "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb as any from pg_roles where rolname ~ '^orchard_'",
    ),
  );
  expect(rights.rows).toEqual([{ any: false }, { any: false }]);
});

test("is safe to repeat, also at once, and gives the same addresses", async () => {
  const database = `test_${process.pid}_8${++count}`;
  const all = await Promise.all(Array.from({ length: 4 }, () => provision("orchard", database)));
  expect(new Set(all.map(({ appUrl }) => appUrl)).size).toBe(1);
  expect(await connect(all[0]!.appUrl)).toBe("orchard_app");
});

test("one service can't connect to another's database", async () => {
  const orchard = await provision("orchard");
  const quarry = await provision("quarry");
  const database = new URL(quarry.appUrl).pathname.slice(1);
  await expect(connect(urlWith(orchard.appUrl, { database }))).rejects.toThrow(/permission denied for database/);
  await expect(connect(urlWith(orchard.ownerUrl, { database }))).rejects.toThrow(/permission denied for database/);
});

test("a password is needed, and each role has its own", async () => {
  const { ownerUrl, appUrl } = await provision("orchard");
  expect(new URL(ownerUrl).password).not.toBe(new URL(appUrl).password);
  await expect(connect(urlWith(appUrl, { password: new URL(ownerUrl).password }))).rejects.toThrow(
    /password authentication failed/,
  );
  await expect(connect(urlWith(appUrl, { password: "" }))).rejects.toThrow(/password/);
});

test.each(["", "Orchard", "orchard;drop", "a".repeat(41), "9lives"])("%p can't name a service", async (service) => {
  await expect(provisionDatabase(await testAdminUrl(), service)).rejects.toThrow("can't name a service");
});
