import {
  documentUploaded,
  membershipGranted,
  membershipRevoked,
  messageAnswered,
  messageReceived,
  messageRefused,
  userSignedIn,
  workspaceDeleted,
} from "@atrium/events";
import { newId } from "@atrium/ids";
import { eventOf, givenPlace, member, startTestActivity, type Service, type TestPlace } from "../testing";

let service: Service;
beforeAll(async () => void (service = await startTestActivity()));
afterAll(() => service.stop());
beforeEach(() => void (service.clock.now = new Date()));

const query = `query ($names: [MetricName!]!, $from: DateTime!, $to: DateTime!, $bucket: MetricBucket!, $zone: String,
                      $dimensions: [MetricDimension!], $workspaceId: ID, $organizationId: ID) {
  metrics(names: $names, from: $from, to: $to, bucket: $bucket, timeZone: $zone, dimensions: $dimensions,
          workspaceId: $workspaceId, organizationId: $organizationId) {
    name parts { dimension value } points { at value }
  }
}`;
interface Answer {
  metrics: { name: string; parts: { dimension: string; value: string }[]; points: { at: string; value: number }[] }[];
}
const asked = { names: ["MESSAGES"], from: "2026-11-20T00:00:00Z", to: "2026-11-21T00:00:00Z", bucket: "DAY" };
const metrics = async (actor: Parameters<Service["run"]>[0], variables: object = {}) =>
  (await service.run<Answer>(actor, query, { ...asked, ...variables })).metrics;
const points = async (actor: Parameters<Service["run"]>[0], variables: object = {}) =>
  (await metrics(actor, variables))[0]!.points.map(({ value }) => value);

const bot = newId("bot");
const message = (chatbotId = bot) =>
  messageReceived({ conversationId: newId("cnv"), chatbotId, messageId: newId("msg") });
const messagesAt = (place: TestPlace, ...times: string[]) => times.map((at) => eventOf(message(), { ...place, at }));

test("what happened is counted by the minute, the hour and the day; where nothing did there is a 0", async () => {
  const place = givenPlace();
  service.clock.now = new Date("2026-11-20T12:00:00Z");
  const times = ["09:00:00.000", "09:00:59.999", "09:01:00.000", "09:59:59.999", "10:00:00.000"];
  await service.hear(...messagesAt(place, ...times.map((time) => `2026-11-20T${time}Z`)));
  const minutes = { bucket: "MINUTE", from: "2026-11-20T09:00:00Z", to: "2026-11-20T09:03:00Z" };
  expect(await points(member(place), minutes)).toEqual([2, 1, 0]);
  const hours = { bucket: "HOUR", from: "2026-11-20T08:00:00Z", to: "2026-11-20T11:00:00Z" };
  expect(await points(member(place), hours)).toEqual([0, 4, 1]);
  expect(await points(member(place))).toEqual([5]);
});

test.each([
  ["Asia/Kolkata", "2026-11-19T18:29:59.999Z", "2026-11-19T18:30:00.000Z"],
  ["Asia/Kathmandu", "2026-11-19T18:14:59.999Z", "2026-11-19T18:15:00.000Z"],
  ["America/St_Johns", "2026-11-20T03:29:59.999Z", "2026-11-20T03:30:00.000Z"],
  ["Australia/Eucla", "2026-11-19T15:14:59.999Z", "2026-11-19T15:15:00.000Z"],
  ["UTC", "2026-11-19T23:59:59.999Z", "2026-11-20T00:00:00.000Z"],
])("a day of %s has what happened from its first millisecond on", async (zone, before, after) => {
  const place = givenPlace();
  service.clock.now = new Date("2026-11-25T12:00:00Z");
  await service.hear(...messagesAt(place, before, after));
  const two = { zone, from: before, to: new Date(new Date(after).getTime() + 1).toISOString() };
  const [series] = await metrics(member(place), two);
  expect(series!.points.map(({ value }) => value)).toEqual([1, 1]);
  expect(series!.points[1]!.at).toBe(after);
});

test("days in which clocks change have 23 and 25 hours", async () => {
  const place = givenPlace();
  service.clock.now = new Date("2026-11-01T00:00:00Z");
  // In Berlin the 25th of October lasts from 22:00 to 23:00 of UTC.
  await service.hear(
    ...messagesAt(
      place,
      "2026-10-24T21:59:59Z",
      "2026-10-24T22:00:00Z",
      "2026-10-25T22:59:59Z",
      "2026-10-25T23:00:00Z",
    ),
  );
  const zone = "Europe/Berlin";
  const range = { zone, from: "2026-10-24T00:00:00Z", to: "2026-10-26T20:00:00Z" };
  expect(await points(member(place), range)).toEqual([1, 2, 1]);
  const hours = await points(member(place), {
    zone,
    bucket: "HOUR",
    from: "2026-10-24T22:00:00Z",
    to: "2026-10-25T23:00:00Z",
  });
  expect(hours).toEqual([1, ...Array.from({ length: 23 }, () => 0), 1]);
});

test("numbers are split by what they are asked to be split by", async () => {
  const place = givenPlace();
  const [one, two] = ["bot_1", "bot_2"];
  const answered = (chatbotId: string, tier: number, costMicros: number) =>
    messageAnswered({
      conversationId: "c",
      chatbotId,
      messageId: newId("msg"),
      tier,
      costMicros,
      latencyMs: 100,
      citationCount: 1,
    });
  const at = "2026-11-20T10:00:00Z";
  service.clock.now = new Date("2026-11-21T00:00:00Z");
  const refused = messageRefused({ conversationId: "c", chatbotId: one, messageId: "m", reason: "NO_DOCUMENT_SAYS" });
  await service.hear(
    ...[answered(one, 1, 5), answered(one, 2, 50), answered(two, 1, 5), refused].map((draft) =>
      eventOf(draft, { ...place, at }),
    ),
  );
  const names = ["ANSWERS", "COST_MICROS"];
  const of = async (dimensions: string[]) =>
    (await metrics(member(place), { names, dimensions })).map(({ name, parts, points: [point] }) =>
      [name, ...parts.map(({ value }) => value), point!.value].join(" "),
    );
  expect(await of([])).toEqual(["ANSWERS 3", "COST_MICROS 60"]);
  expect(await of(["CHATBOT"])).toEqual([
    "ANSWERS bot_1 2",
    "ANSWERS bot_2 1",
    "COST_MICROS bot_1 55",
    "COST_MICROS bot_2 5",
  ]);
  expect(await of(["TIER"])).toEqual(["ANSWERS 1 2", "ANSWERS 2 1", "COST_MICROS 1 10", "COST_MICROS 2 50"]);
  expect(await of(["CHATBOT", "TIER"])).toContain("COST_MICROS bot_1 2 50");
});

test("an event that comes again, late, in another batch or twice in one, is counted once", async () => {
  const place = givenPlace();
  service.clock.now = new Date("2026-11-20T12:00:00Z");
  const [one, two] = messagesAt(place, "2026-11-20T09:00:00Z", "2026-11-20T08:00:00Z");
  await service.hear(one!, one!);
  await service.hear(two!);
  // The inbox knows its receipts; a replay goes past them, and an old receipt is forgotten.
  await service.asAdministrator("delete from inbox_receipt");
  await service.hear(one!, two!, one!);
  expect(await points(member(place))).toEqual([2]);
});

test("what is too old to be told from a repetition isn't counted", async () => {
  const place = givenPlace();
  service.clock.now = new Date("2026-11-20T12:00:00Z");
  const [old] = messagesAt(place, "2026-10-01T09:00:00Z");
  await service.hear(old!);
  const october = { from: "2026-10-01T00:00:00Z", to: "2026-10-02T00:00:00Z" };
  expect(await points(member(place), october)).toEqual([1]);
  await service.prune();
  await service.asAdministrator("delete from inbox_receipt");
  await service.hear(old!);
  expect(await points(member(place), october)).toEqual([1]);
  expect(await service.asAdministrator("select 1 from counted_event where happened_at < '2026-10-30'")).toEqual([]);
  await service.asAdministrator("delete from counted_since");
});

test("sums are kept for as long as their grain, and the sum of all time for ever", async () => {
  const place = givenPlace();
  await service.hear(
    eventOf(documentUploaded({ documentId: newId("doc"), knowledgeBaseId: "kb_1", contentType: "a/b", sizeBytes: 7 }), {
      ...place,
      at: "2025-01-01T00:00:00Z",
    }),
  );
  const kept = async (now: string) => {
    service.clock.now = new Date(now);
    await service.prune();
    const rows = await service.asAdministrator<{ grain: string }>(
      "select grain from counter where organization_id = $1 and metric = 'STORED_BYTES' order by grain",
      [place.organizationId],
    );
    return rows.map(({ grain }) => grain);
  };
  expect(await kept("2025-01-02T00:00:00Z")).toEqual(["DAY", "MINUTE", "QUARTER", "TOTAL"]);
  expect(await kept("2025-01-04T00:00:00Z")).toEqual(["DAY", "QUARTER", "TOTAL"]);
  expect(await kept("2025-05-01T00:00:00Z")).toEqual(["DAY", "TOTAL"]);
  expect(await kept("2028-06-01T00:00:00Z")).toEqual(["TOTAL"]);
  await service.asAdministrator("delete from counted_since");
});

test("who joins a workspace is no second member of the organization", async () => {
  const place = givenPlace();
  const { organizationId, workspaceId } = place;
  service.clock.now = new Date("2026-11-20T12:00:00Z");
  const at = "2026-11-20T10:00:00Z";
  const who = { membershipId: newId("mem"), userId: newId("usr") };
  await service.hear(
    eventOf(membershipGranted({ ...who, workspaceId: null, role: "member" }), { organizationId, at }),
    eventOf(membershipGranted({ ...who, membershipId: "wmem_1", workspaceId, role: "editor" }), { ...place, at }),
    eventOf(membershipRevoked({ ...who, membershipId: "wmem_1", workspaceId }), {
      ...place,
      at: "2026-11-20T11:00:00Z",
    }),
  );
  const names = ["MEMBERS_JOINED", "WORKSPACE_MEMBERS_JOINED", "WORKSPACE_MEMBERS_LEFT"];
  const values = async (which: object) =>
    (await metrics(member(place), { names, ...which })).map(({ points: [point] }) => point!.value);
  expect(await values({ organizationId })).toEqual([1, 1, 1]);
  expect(await values({ workspaceId })).toEqual([0, 1, 1]);
});

test("a sign-in counts where its session begins, and nowhere when that is nowhere", async () => {
  const place = givenPlace();
  service.clock.now = new Date("2026-11-20T12:00:00Z");
  const signedIn = (where: object) =>
    userSignedIn({ userId: newId("usr"), sessionId: newId("ses"), method: "EMAIL", ...where });
  await service.hear(
    eventOf(signedIn(place), { at: "2026-11-20T10:00:00Z" }),
    eventOf(signedIn({}), { at: "2026-11-20T10:00:01Z" }),
  );
  expect(await points(member(place), { names: ["SIGN_INS"] })).toEqual([1]);
});

test("nothing is kept of a workspace that was deleted, also of what is heard later", async () => {
  const place = givenPlace();
  const { workspaceId } = place;
  const after = messagesAt(place, "2026-11-20T09:00:00Z", "2026-11-20T11:00:00Z");
  await service.hear(after[0]!, eventOf(workspaceDeleted({ workspaceId }), { ...place, at: "2026-11-20T10:00:00Z" }));
  await service.hear(after[1]!);
  for (const table of ["activity", "counter", "presence"])
    expect(await service.asAdministrator(`select 1 from ${table} where workspace_id = $1`, [workspaceId])).toEqual([]);
});

describe("who may see numbers", () => {
  test("another workspace's and another organization's aren't found", async () => {
    const place = givenPlace();
    service.clock.now = new Date("2026-11-20T12:00:00Z");
    await service.hear(...messagesAt(place, "2026-11-20T09:00:00Z"));
    const neighbour = member({ ...place, workspaceId: newId("wsp") });
    for (const stranger of [member(givenPlace()), neighbour]) {
      expect(await points(stranger)).toEqual([0]);
      await expect(metrics(stranger, { workspaceId: place.workspaceId })).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    await expect(metrics(member(givenPlace()), { organizationId: place.organizationId })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    expect(await points(neighbour, { organizationId: place.organizationId })).toEqual([1]);
  });

  test("a workspace's numbers need analytics:read, an organization's a right that no workspace role has", async () => {
    const place = givenPlace();
    await expect(metrics(member(place, ["knowledge:*"]))).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(metrics({ kind: "ANONYMOUS" })).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    const { organizationId } = place;
    await expect(metrics(member(place, ["analytics:read"]), { organizationId })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
  });
});

test.each([
  ["no names", { names: [] }, "names"],
  ["an end before the beginning", { to: "2026-11-19T00:00:00Z" }, "to"],
  ["too many buckets", { bucket: "MINUTE", from: "2026-11-18T20:00:00Z" }, "bucket"],
  ["a dimension that the number hasn't", { dimensions: ["TIER"] }, "dimensions"],
  ["no zone", { zone: "Mars/Olympus" }, "timeZone"],
  ["two places", { workspaceId: newId("wsp"), organizationId: newId("org") }, "organizationId"],
  ["minutes of long ago", { bucket: "MINUTE", from: "2026-11-01T00:00:00Z", to: "2026-11-01T01:00:00Z" }, "from"],
  [
    "days off the hour of long ago",
    { zone: "Asia/Kolkata", from: "2026-01-01T00:00:00Z", to: "2026-01-03T00:00:00Z" },
    "from",
  ],
])("%s is refused, and the field named", async (_, variables, field) => {
  service.clock.now = new Date("2026-11-20T12:00:00Z");
  await expect(metrics(member(givenPlace()), variables)).rejects.toMatchObject({ code: "BAD_USER_INPUT", field });
});
