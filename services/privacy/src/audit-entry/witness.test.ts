import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { newId } from "@atrium/ids";
import { announced, testTables, type Tables } from "../testing";
import { recordEvents } from "./record";
import { verifyAllChains, verifyChain } from "./verify";
import { witnessChains } from "./witness";

let tables: Tables;
let errors: object[];
beforeAll(async () => {
  tables = await testTables();
});
beforeEach(() => (errors = []));
afterAll(() => tables.close());

const record = (chain: string, count: number) => {
  const { database, keys, now } = tables;
  const events = Array.from({ length: count }, () => announced(tables.clock.now, chain));
  return database.asService().transaction((db) => recordEvents({ db, database, keys, now }, events));
};
const verify = async (chain: string) =>
  (await verifyChain({ ...tables, db: tables.database.asService() }, chain)).firstBroken;
/** As a process does that has just started. */
const witness = () => {
  const log = { ...tables.log, error: (fields: object) => void errors.push(fields) };
  return witnessChains({ ...tables, log } as never, new Map());
};
const tamper = (sql: string, ...values: unknown[]) => tables.owner.query(sql, values);
const endOf = async (chain: string) => (await tamper("select * from audit_chain where chain = $1", chain)).rows[0];

/** Takes entries away and puts the chain's end back to how it was, as whoever has a backup of it can. */
async function cut(chain: string, end: { number: number; hash: Buffer; mac: Buffer }) {
  await tamper("delete from audit_entry where chain = $1 and number > $2", chain, end.number);
  await tamper(
    "update audit_chain set number = $2, hash = $3, mac = $4 where chain = $1",
    chain,
    end.number,
    end.hash,
    end.mac,
  );
}

const folder = () => path.join(tables.folder, "audit-witnesses");
const witnessFiles = () => readdirSync(folder()).map((file) => path.join(folder(), file));
/** The file that witnessing this chain has made. */
async function witnessed(chain: string): Promise<string> {
  const before = new Set(readdirSync(tables.folder).includes("audit-witnesses") ? witnessFiles() : []);
  await record(chain, 5);
  await witness();
  return witnessFiles().find((file) => !before.has(file))!;
}

test("entries that were cut off together with the chain's end are missed, although no checkpoint tells of them", async () => {
  const chain = newId("org");
  await record(chain, 5);
  const end = await endOf(chain);
  await record(chain, 3);
  await witness();
  expect(await verify(chain)).toBeNull();
  await cut(chain, end);
  expect(await verify(chain)).toEqual({ kind: "MISSING", number: 6 });
  expect(await verifyAllChains({ ...tables, log: { ...tables.log, error() {} } } as never)).toContainEqual({
    chain,
    firstBroken: { kind: "MISSING", number: 6 },
  });
});

test("nor does it help to let the chain grow past where it was, before and after it is witnessed again", async () => {
  const chain = newId("org");
  await record(chain, 5);
  const end = await endOf(chain);
  await record(chain, 3);
  await witness();
  await cut(chain, end);
  await record(chain, 10);
  expect(await verify(chain)).toEqual({ kind: "REWRITTEN", number: 1 });
  await witness();
  await record(chain, 1);
  await witness();
  expect(await verify(chain)).toEqual({ kind: "REWRITTEN", number: 1 });
  expect(errors).toContainEqual({ chain, number: 15 });
});

test("a chain that is gone whole is missed by who asks for it", async () => {
  const chain = newId("org");
  await witnessed(chain);
  await tamper("delete from audit_entry where chain = $1", chain);
  await tamper("delete from audit_chain where chain = $1", chain);
  expect(await verify(chain)).toEqual({ kind: "MISSING", number: 1 });
});

test.each([
  ["by another number", (said: string) => said.replace(/"number":\d+/, '"number":2')],
  ["by another hash", (said: string) => said.replace(/"hash":"./, '"hash":"x')],
  ["by nonsense", () => "nonsense"],
  ["by nothing", () => ""],
])("a witness that was replaced %s is found, and isn't written over", async (_, alter) => {
  const chain = newId("org");
  const file = await witnessed(chain);
  const altered = alter(readFileSync(file, "utf8"));
  writeFileSync(file, altered);
  expect(await verify(chain)).toEqual({ kind: "WITNESS_FORGED", number: 5 });
  await record(chain, 1);
  await witness();
  expect(readFileSync(file, "utf8")).toBe(altered);
  expect(errors).toContainEqual({ chain, number: 6 });
});

test("another chain's witness isn't taken for its own", async () => {
  const [one, other] = [newId("org"), newId("org")];
  const [its, another] = [await witnessed(one), await witnessed(other)];
  writeFileSync(its, readFileSync(another));
  expect(await verify(one)).toEqual({ kind: "WITNESS_FORGED", number: 5 });
});

test("an end that was forged is never witnessed", async () => {
  const chain = newId("org");
  await witnessed(chain);
  await tamper("update audit_chain set number = 99 where chain = $1", chain);
  await witness();
  expect(errors).toContainEqual({ chain, number: 99 });
  await tamper("update audit_chain set number = 5 where chain = $1", chain);
  expect(await verify(chain)).toBeNull();
});

test("a chain goes on being witnessed while it grows, and one that hasn't moved costs no write", async () => {
  const chain = newId("org");
  const file = await witnessed(chain);
  const seen = new Map<string, string>();
  await witnessChains(tables as never, seen);
  writeFileSync(file, "nobody looks at it");
  await witnessChains(tables as never, seen);
  expect(readFileSync(file, "utf8")).toBe("nobody looks at it");
});

test("what is recorded while it is verified isn't taken for a fault", async () => {
  const chain = newId("org");
  await record(chain, 5);
  const verifying = (async () => {
    for (let round = 0; round < 20; round++) expect(await verify(chain)).toBeNull();
  })();
  for (let round = 0; round < 20; round++) {
    await record(chain, 2);
    await witness();
  }
  await verifying;
});
