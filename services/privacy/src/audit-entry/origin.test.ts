import { actorKeyFor } from "@atrium/access";
import { originSeal, type Envelope } from "@atrium/events";
import { newId } from "@atrium/ids";
import { announced, secret, testTables, type Tables } from "../testing";
import { eraseOrigins } from "./origin-store";
import { auditEntryData } from "./personal-data";
import { recordEvents } from "./record";
import { verifyChain } from "./verify";

let tables: Tables;
beforeAll(async () => {
  tables = await testTables();
});
afterAll(() => tables.close());

const origin = { network: "203.0.113.0/24", userAgent: "Firefox on Linux" };
const sealedBy = (service: string) => originSeal(actorKeyFor(service, secret)).seal(origin);

const eventOf = (organizationid: string, actorid: string | undefined, more: Partial<Envelope> = {}): Envelope =>
  announced(tables.clock.now, organizationid, {
    ...(actorid && { actorid }),
    sealedorigin: sealedBy("chat"),
    ...more,
  });

const record = (...envelopes: Envelope[]) => {
  const { database, keys, now } = tables;
  return database.asService().transaction((db) => recordEvents({ db, database, keys, now }, envelopes));
};
const verify = (chain: string) => verifyChain({ ...tables, db: tables.database.asService() }, chain);
const tamper = (sql: string, ...values: unknown[]) => tables.owner.query(sql, values);
const originsOf = async (chain: string) =>
  (
    await tamper(
      "select number::int, person_id, network, user_agent from audit_origin where chain = $1 order by 1",
      chain,
    )
  ).rows as object[];

/** Three entries: of Ada's, by a key of hers; of Bob's; of nobody's. */
async function givenChain() {
  const chain = newId("org");
  const [ada, bob] = [newId("usr"), newId("usr")];
  await record(eventOf(chain, ada, { agentid: "key_1" }), eventOf(chain, bob), eventOf(chain, undefined));
  return { chain, ada, bob };
}

test("an entry says what acted for its actor, and where that came from if it can be told whose it is", async () => {
  const { chain, ada, bob } = await givenChain();
  const { rows } = await tamper(
    "select number::int, agent_id, origin_hash is not null as has from audit_entry where chain = $1 order by 1",
    chain,
  );
  expect(rows).toEqual([
    { number: 1, agent_id: "key_1", has: true },
    { number: 2, agent_id: null, has: true },
    { number: 3, agent_id: null, has: false },
  ]);
  const seen = { network: "203.0.113.0/24", user_agent: "Firefox on Linux" };
  expect(await originsOf(chain)).toEqual([
    { number: 1, person_id: ada, ...seen },
    { number: 2, person_id: bob, ...seen },
  ]);
  expect(await verify(chain)).toEqual({ entryCount: 3, checkpointCount: 0, firstBroken: null });
});

test("somebody who has just signed up has their origin by the account that it is about", async () => {
  const chain = newId("org");
  const ada = newId("usr");
  const type = "identity.user.registered.v1";
  await record(eventOf(chain, undefined, { type, subject: ada, sealedorigin: sealedBy("identity") }));
  expect(await originsOf(chain)).toEqual([expect.objectContaining({ number: 1, person_id: ada })]);
});

test("what another service has sealed, or nobody has, is left out, and the entry is recorded", async () => {
  const chain = newId("org");
  await record(
    eventOf(chain, "usr_1", { sealedorigin: sealedBy("knowledge") }),
    eventOf(chain, "usr_1", { sealedorigin: "rubbish" }),
  );
  expect(await originsOf(chain)).toEqual([]);
  expect(await verify(chain)).toMatchObject({ entryCount: 2, firstBroken: null });
});

test("a replayed event gets no second origin", async () => {
  const chain = newId("org");
  const event = eventOf(chain, "usr_1");
  await record(event, event);
  await record(event);
  expect(await originsOf(chain)).toHaveLength(1);
});

test("erasing a person takes theirs alone, tells nothing of them, and leaves the chain whole", async () => {
  const { chain, ada, bob } = await givenChain();
  const erased = await tables.database
    .asService({ userId: ada })
    .transaction((db) => auditEntryData.erase({ db, userId: ada } as never));
  expect(erased).toMatchObject({ erased: 1, retained: 1 });
  expect(await originsOf(chain)).toEqual([expect.objectContaining({ number: 2, person_id: bob })]);
  expect(await verify(chain)).toEqual({ entryCount: 3, checkpointCount: 0, firstBroken: null });
});

test("of who has been erased nothing is kept that arrives late", async () => {
  const { chain, ada } = await givenChain();
  await tables.database
    .asService()
    .sql("insert into erased_person (user_id, erasure_id, erased_at, nouns) values ($1, 'era_1', now(), '[]')", [ada]);
  await record(eventOf(chain, ada), eventOf(chain, newId("usr")));
  expect((await originsOf(chain)).map((row) => (row as { number: number }).number)).toEqual([1, 2, 5]);
  expect(await verify(chain)).toMatchObject({ entryCount: 5, firstBroken: null });
});

test("a person's own export has where they came from", async () => {
  const { ada } = await givenChain();
  const records: object[] = [];
  const db = tables.database.asService({ userId: ada });
  for await (const each of auditEntryData.records({ db, userId: ada } as never)) records.push(each);
  expect(records).toEqual([expect.objectContaining({ agentId: "key_1", ...origin })]);
});

test.each([
  ["another network", "update audit_origin set network = '198.51.100.0/24' where chain = $1 and number = 2"],
  ["another device", "update audit_origin set user_agent = 'curl' where chain = $1 and number = 2"],
  [
    "another person, who would be erased for it",
    "update audit_origin set person_id = 'usr_9' where chain = $1 and number = 2",
  ],
  [
    "a network and device changed about",
    "update audit_origin set network = user_agent, user_agent = network where chain = $1 and number = 2",
  ],
  ["another agent", "update audit_entry set agent_id = 'key_2' where chain = $1 and number = 2"],
  ["the hash of another origin", "update audit_entry set origin_hash = '\\x00' where chain = $1 and number = 2"],
  ["the hash of an origin taken away", "update audit_entry set origin_hash = null where chain = $1 and number = 2"],
])("what somebody changes who has the database is found: %s", async (_, change) => {
  const { chain } = await givenChain();
  await tamper(change, chain);
  expect((await verify(chain)).firstBroken).toEqual({ kind: "CHANGED", number: 2 });
});

test("an origin that was put to an entry without one is found", async () => {
  const { chain } = await givenChain();
  await tamper(
    `insert into audit_origin select chain, 3, person_id, network, user_agent, salt, recorded_at
       from audit_origin where chain = $1 and number = 2`,
    chain,
  );
  expect((await verify(chain)).firstBroken).toEqual({ kind: "CHANGED", number: 3 });
});

test("another organization sees none, the service's role changes none, and erases nobody else's", async () => {
  const { chain, ada, bob } = await givenChain();
  const stranger = tables.database.as({ organizationId: newId("org"), userId: ada });
  expect(await stranger.sql("select * from audit_origin")).toEqual([]);
  const service = tables.database.asService({ userId: ada });
  await expect(service.sql("update audit_origin set network = 'x'")).rejects.toThrow("permission denied");
  expect(await eraseOrigins(service, bob)).toBe(0);
  const member = tables.database.as({ organizationId: chain, userId: ada });
  expect(await eraseOrigins(member, ada)).toBe(0);
  expect(await originsOf(chain)).toHaveLength(2);
});
