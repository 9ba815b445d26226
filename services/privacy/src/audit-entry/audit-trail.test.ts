import { anonymous, type Actor } from "@atrium/access";
import { newUuid } from "@atrium/ids";
import type { Envelope } from "@atrium/events";
import { keysOf } from "../keys";
import {
  dataOf,
  errorsOf,
  givenPlace,
  memberOf,
  secret,
  startTestPrivacy,
  until,
  type Place,
  type Privacy,
} from "../testing";
import { recordEvents } from "./record";

let privacy: Privacy;
let place: Place;
beforeAll(async () => {
  privacy = await startTestPrivacy();
  place = givenPlace();
  const { database, clock } = privacy;
  const events = Array.from({ length: 25 }, (_, i) => eventOf(place, i));
  const others = Array.from({ length: 5 }, (_, i) => eventOf(givenPlace(), i));
  await database
    .asService()
    .transaction((db) =>
      recordEvents({ db, database, keys: keysOf(secret), now: () => clock.now }, [...events, ...others]),
    );
});
afterAll(() => privacy.stop());

const eventOf = ({ organizationId, workspaceId }: Place, i: number): Envelope => ({
  specversion: "1.0",
  id: newUuid(),
  source: "/atrium/chat",
  type: i % 5 === 0 ? "chat.message.refused.v1" : "chat.message.received.v1",
  subject: `msg_${i}`,
  time: privacy.clock.now.toISOString(),
  datacontenttype: "application/json",
  organizationid: organizationId,
  ...(i % 2 === 0 && { workspaceid: workspaceId }),
  actorid: `usr_${i % 3}`,
  data: {},
});

const query = `query ($filter: AuditFilter, $first: Int! = 100, $after: String) {
  auditTrail(filter: $filter, first: $first, after: $after) {
    nodes { number subject action actorId outcome workspace { id } } pageInfo { hasNextPage endCursor } } }`;
interface Entry {
  number: number;
  subject: string;
  action: string;
  actorId: string;
  outcome: string;
}
const trail = async (actor: Actor, variables: object = {}) =>
  dataOf(await privacy.run(actor, query, { ...variables })).auditTrail as {
    nodes: Entry[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  };
const messages = { filter: { actorId: "usr_1" } };

test("the trail is read newest first, page by page, without a gap", async () => {
  const owner = memberOf(place);
  const seen: Entry[] = [];
  for (let after: string | null = null; ;) {
    const page = await trail(owner, {
      filter: { to: new Date(privacy.clock.now.getTime() + 1).toISOString() },
      first: 7,
      after,
    });
    seen.push(...page.nodes);
    if (!page.pageInfo.hasNextPage) break;
    after = page.pageInfo.endCursor;
  }
  const numbers = seen.map(({ number }) => number);
  expect(numbers.slice(-25)).toEqual(Array.from({ length: 25 }, (_, i) => 25 - i));
  expect(new Set(numbers).size).toBe(numbers.length);
});

test("every filter holds, alone and with the others", async () => {
  const owner = memberOf(place);
  const subjects = async (filter: object) => (await trail(owner, { filter })).nodes.map(({ subject }) => subject);
  expect(await subjects({ subject: "msg_7" })).toEqual(["msg_7"]);
  expect(await subjects({ action: "chat.message.refused.v1" })).toEqual([
    "msg_20",
    "msg_15",
    "msg_10",
    "msg_5",
    "msg_0",
  ]);
  expect(await subjects({ action: "chat.message.refused.v1", actorId: "usr_0" })).toEqual(["msg_15", "msg_0"]);
  const later = new Date(privacy.clock.now.getTime() + 60_000).toISOString();
  expect(await subjects({ from: later })).toEqual([]);
  expect((await trail(owner, { filter: { actorId: "usr_1" } })).nodes).toHaveLength(8);
});

test("reading the trail becomes an entry of it: who read, and how much", async () => {
  const owner = memberOf(place);
  await trail(owner, messages);
  const reads = await until(
    async () => (await trail(owner, { filter: { actorId: owner.userId } })).nodes,
    (nodes) => nodes.length > 0,
  );
  expect(reads.at(-1)).toMatchObject({ action: "privacy.sensitive.read.v1", subject: place.organizationId });
});

test("a read says what acted for whom, and from where", async () => {
  const readers = [
    { actor: memberOf(place), agentId: null },
    { actor: { ...memberOf(place), kind: "API_KEY" as const, sessionId: "key_1" }, agentId: "key_1" },
  ];
  const text = `query ($filter: AuditFilter) { auditTrail(filter: $filter) { nodes { agentId network userAgent } } }`;
  for (const { actor, agentId } of readers) {
    await trail(actor, messages);
    const reads = await until(
      async () => dataOf(await privacy.run(memberOf(place), text, { filter: { actorId: actor.userId } })),
      ({ auditTrail }) => auditTrail.nodes.length > 0,
    );
    expect(reads.auditTrail.nodes).toEqual([{ agentId, network: "203.0.113.0/24", userAgent: "Firefox on Linux" }]);
  }
});

test("who runs one workspace alone sees that workspace's entries, and doesn't verify the organization's", async () => {
  const admin = memberOf(place, ["audit:read"]);
  const { nodes } = await trail(admin, { filter: { action: "chat.message.received.v1" } });
  expect(nodes.map(({ subject }) => Number(subject.slice(4)) % 2)).toEqual(nodes.map(() => 0));
  expect(nodes.length).toBeGreaterThan(5);
  expect(errorsOf(await privacy.run(admin, "{ verifyAuditTrail { intact } }"))).toEqual(["FORBIDDEN"]);
  const elsewhere = { ...admin, workspaceId: givenPlace().workspaceId };
  expect((await trail(elsewhere, messages)).nodes).toEqual([]);
});

test("nobody else reads or verifies it, and no read is announced", async () => {
  const refused: [Actor, string][] = [
    [anonymous, "UNAUTHENTICATED"],
    [memberOf(place, ["organization:update"]), "FORBIDDEN"],
    [{ ...memberOf(place), organizationId: null, workspaceId: null }, "FORBIDDEN"],
  ];
  for (const [actor, code] of refused)
    for (const text of [query, "{ verifyAuditTrail { intact } }"])
      expect(errorsOf(await privacy.run(actor, text))).toEqual([code]);
  // What is read after them is recorded after them.
  const owner = memberOf(place);
  const recorded = () => privacy.rows<{ by: string }>("select distinct actor_id as by from audit_entry");
  await trail(owner, messages);
  const readers = await until(recorded, (rows) => rows.some(({ by }) => by === owner.userId));
  for (const [actor] of refused) if ("userId" in actor) expect(readers.map(({ by }) => by)).not.toContain(actor.userId);
  const stranger = memberOf(givenPlace());
  expect((await trail(stranger, messages)).nodes).toEqual([]);
});

test("an intact trail is said to be, a broken one is named; asking too often is refused", async () => {
  const owner = memberOf(place);
  const verify = "{ verifyAuditTrail { intact entryCount firstBroken { kind number } } }";
  const { verifyAuditTrail } = dataOf(await privacy.run(owner, verify));
  expect(verifyAuditTrail).toMatchObject({ intact: true, firstBroken: null });
  expect(verifyAuditTrail.entryCount).toBeGreaterThanOrEqual(25);
  await privacy.rows("update audit_entry set actor_id = 'usr_9' where chain = $1 and number = 12", [
    place.organizationId,
  ]);
  expect(dataOf(await privacy.run(owner, verify)).verifyAuditTrail).toMatchObject({
    intact: false,
    firstBroken: { kind: "CHANGED", number: 12 },
  });
  await until(
    () => privacy.run(owner, verify),
    (result) => errorsOf(result)[0] === "RATE_LIMITED",
  );
});

test.each([
  [{ filter: { from: "2026-11-02T00:00:00Z", to: "2026-11-01T00:00:00Z" } }, "BAD_USER_INPUT filter.to"],
  [{ first: 0 }, "BAD_USER_INPUT first"],
  [{ first: 101 }, "BAD_USER_INPUT first"],
  [{ after: "x" }, "BAD_USER_INPUT after"],
  [{ filter: { subject: "x".repeat(300) } }, "BAD_USER_INPUT filter.subject"],
])("%j is refused with its field", async (variables, code) => {
  expect(errorsOf(await privacy.run(memberOf(place), query, variables))).toEqual([code]);
});
