import {
  conversationStarted,
  documentDeleted,
  documentFailed,
  documentIngested,
  documentUploaded,
  membershipGranted,
  membershipRevoked,
  messageAnswered,
  messageRated,
  messageReceived,
  messageRefused,
  type EventDraft,
} from "@atrium/events";
import { newId } from "@atrium/ids";
import { waitFor } from "@atrium/testing";
import type { ExecutionResult } from "graphql";
import { eventOf, givenPlace, member, startTestActivity, type Service, type TestPlace } from "../testing";

let service: Service;
beforeAll(async () => {
  service = await startTestActivity({
    env: { ACTIVITY_HEARTBEAT_SECONDS: "1", ACTIVITY_DASHBOARDS_PER_ORGANIZATION: "3" },
  });
});
afterAll(() => service.stop());

const fields = `from to at activeUsers signIns members membersJoined membersLeft conversationsStarted messages answers
  refusals answeredShare averageAnswerMs ratings satisfiedShare inputTokens outputTokens costMicros documents
  documentsAdded documentsIngested documentsFailed documentsDeleted averageIngestionMs storedBytes invitationsSent
  invitationsAccepted projectsCreated interactions`;
const query = `query ($period: DashboardPeriod, $zone: String, $workspaceId: ID, $organizationId: ID) {
  dashboard(period: $period, timeZone: $zone, workspaceId: $workspaceId, organizationId: $organizationId) { ${fields} } }`;
const subscription = `subscription ($period: DashboardPeriod, $zone: String, $workspaceId: ID, $organizationId: ID) {
  dashboardUpdates(period: $period, timeZone: $zone, workspaceId: $workspaceId, organizationId: $organizationId) {
    reason dashboard { ${fields} } } }`;

type Numbers = Record<string, number | null>;
const dashboard = async (actor: Parameters<Service["run"]>[0], variables: object = {}) =>
  (await service.run<{ dashboard: Numbers }>(actor, query, variables)).dashboard;

const conversation = { conversationId: newId("cnv"), chatbotId: "bot_1" };
const message = () => messageReceived({ ...conversation, messageId: newId("msg") });
const tell = (place: TestPlace, ...drafts: EventDraft[]) =>
  service.hear(...drafts.map((draft) => eventOf(draft, { ...place, userId: newId("usr") })));

interface Update {
  reason: string;
  dashboard: Numbers;
}

/** A subscription, read one update at a time. */
async function watch(actor: Parameters<Service["run"]>[0], variables: object = {}) {
  const leaving = new AbortController();
  const opened = await service.subscribe(actor, subscription, variables, leaving.signal);
  if (!(Symbol.asyncIterator in opened)) throw Object.assign(new Error(), opened.errors![0]!.extensions);
  const next = async (): Promise<Update> => {
    const { value } = (await opened.next()) as { value: ExecutionResult };
    if (value?.errors) throw Object.assign(new Error(), value.errors[0]!.extensions);
    return (value?.data as { dashboardUpdates: Update } | undefined)?.dashboardUpdates as Update;
  };
  const until = async (found: (update: Update) => boolean) => {
    for (;;) {
      const update = await next();
      if (found(update)) return update;
    }
  };
  return { next, until, leave: () => leaving.abort() };
}

test("a dashboard says what has happened, and how much there is", async () => {
  const place = givenPlace();
  const document = { documentId: newId("doc"), knowledgeBaseId: "kb_1" };
  const other = { ...document, documentId: newId("doc") };
  const answered = messageAnswered({
    ...conversation,
    messageId: "msg_a",
    tier: 1,
    costMicros: 12,
    latencyMs: 300,
    citationCount: 2,
  });
  const membership = { membershipId: newId("wmem"), userId: newId("usr"), workspaceId: place.workspaceId };
  await tell(
    place,
    conversationStarted({ ...conversation, channel: "CONSOLE" }),
    message(),
    message(),
    answered,
    messageRefused({ ...conversation, messageId: "msg_b", reason: "NOT_FOUND" }),
    documentUploaded({ ...document, contentType: "a/b", sizeBytes: 3_000_000_000 }),
    documentIngested({ ...document, passageCount: 1, sizeBytes: 3_000_000_000, durationMs: 40 }),
    documentUploaded({ ...other, contentType: "a/b", sizeBytes: 5 }),
    documentFailed({ ...other, reason: "NO_TEXT" }),
    documentDeleted({ ...other, sizeBytes: 5 }),
    membershipGranted({ ...membership, role: "editor" }),
    membershipGranted({ ...membership, membershipId: "wmem_2", role: "editor" }),
    membershipRevoked({ ...membership, membershipId: "wmem_2" }),
  );
  // Whoever changes their mind counts once.
  for (const rating of ["UP", "DOWN", "UP"])
    await tell(place, messageRated({ ...conversation, messageId: "msg_a", rating }));
  await tell(place, messageRated({ ...conversation, messageId: "msg_c", rating: "DOWN" }));
  expect(await dashboard(member(place))).toMatchObject({
    activeUsers: 13,
    conversationsStarted: 1,
    messages: 2,
    answers: 1,
    refusals: 1,
    answeredShare: 0.5,
    averageAnswerMs: 300,
    costMicros: 12,
    ratings: 2,
    satisfiedShare: 0.5,
    documents: 1,
    documentsAdded: 2,
    documentsIngested: 1,
    documentsFailed: 1,
    documentsDeleted: 1,
    averageIngestionMs: 40,
    storedBytes: 3_000_000_000,
    members: 1,
    membersJoined: 2,
    membersLeft: 1,
  });
});

test("shares and averages of nothing are null, numbers are 0", async () => {
  const empty = await dashboard(member(givenPlace()));
  for (const name of ["answeredShare", "averageAnswerMs", "satisfiedShare", "averageIngestionMs"])
    expect(empty[name]).toBeNull();
  for (const name of ["activeUsers", "messages", "documents", "members"]) expect(empty[name]).toBe(0);
});

test.each([
  ["TODAY", "Asia/Kolkata", "2026-11-19T18:30:00.000Z", "2026-11-20T12:15:00.000Z", 2],
  ["YESTERDAY", "Asia/Kolkata", "2026-11-18T18:30:00.000Z", "2026-11-19T18:30:00.000Z", 1],
  ["TODAY", "UTC", "2026-11-20T00:00:00.000Z", "2026-11-20T12:15:00.000Z", 1],
  ["LAST_24_HOURS", "UTC", "2026-11-19T12:00:00.000Z", "2026-11-20T12:15:00.000Z", 3],
  ["LAST_7_DAYS", "Asia/Kolkata", "2026-11-13T18:30:00.000Z", "2026-11-20T12:15:00.000Z", 3],
  ["LAST_30_DAYS", "Europe/Berlin", "2026-10-21T22:00:00.000Z", "2026-11-20T12:15:00.000Z", 4],
])("%s in %s reaches from midnight to midnight there", async (period, zone, from, to, messages) => {
  const place = givenPlace();
  service.clock.now = new Date("2026-11-20T12:00:30Z");
  const times = ["2026-11-20T12:00:10Z", "2026-11-19T18:30:00Z", "2026-11-19T18:29:59.999Z", "2026-10-21T22:00:00Z"];
  await service.hear(...times.map((at) => eventOf(message(), { ...place, userId: "usr_1", at })));
  expect(await dashboard(member(place), { period, zone })).toMatchObject({ from, to, messages, activeUsers: 1 });
  service.clock.now = new Date();
});

test("an organization's dashboard has all workspaces, and counts each person once", async () => {
  const place = givenPlace();
  const { organizationId } = place;
  const elsewhere = { organizationId, workspaceId: newId("wsp") };
  const userId = newId("usr");
  await service.hear(
    eventOf(message(), { ...place, userId }),
    eventOf(message(), { ...elsewhere, userId }),
    eventOf(membershipGranted({ membershipId: "mem_1", userId, workspaceId: null, role: "member" }), {
      organizationId,
    }),
  );
  expect(await dashboard(member(place), { organizationId })).toMatchObject({ messages: 2, activeUsers: 1, members: 1 });
  expect(await dashboard(member(place))).toMatchObject({ messages: 1, activeUsers: 1, members: 0 });
});

test("others' dashboards aren't found, asked for or watched", async () => {
  const place = givenPlace();
  await tell(place, message());
  const neighbour = member({ ...place, workspaceId: newId("wsp") });
  const stranger = member(givenPlace());
  for (const ask of [dashboard, watch] as const) {
    await expect(ask(neighbour, { workspaceId: place.workspaceId })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(ask(stranger, { organizationId: place.organizationId })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(ask(member(place, ["knowledge:*"]))).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(
      ask(member(place, ["analytics:read", "members:read"]), { organizationId: place.organizationId }),
    ).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(ask({ kind: "ANONYMOUS" })).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(ask(member(place), { zone: "Nowhere" })).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  }
  expect(await dashboard(stranger)).toMatchObject({ messages: 0 });
});

describe("watching", () => {
  test("begins with how things stand, tells each change, and that nothing has changed", async () => {
    const place = givenPlace();
    await tell(place, message());
    const watching = await watch(member(place));
    expect(await watching.next()).toMatchObject({ reason: "STATE", dashboard: { messages: 1 } });
    await tell(place, message());
    expect(await watching.until(({ reason }) => reason === "CHANGE")).toMatchObject({ dashboard: { messages: 2 } });
    expect(await watching.next()).toMatchObject({ reason: "HEARTBEAT", dashboard: { messages: 2 } });
    watching.leave();
  });

  test("what happens in another workspace or organization isn't told", async () => {
    const place = givenPlace();
    const watching = await watch(member(place));
    await watching.next();
    await tell({ ...place, workspaceId: newId("wsp") }, message());
    await tell(givenPlace(), message());
    expect(await watching.next()).toMatchObject({ reason: "HEARTBEAT", dashboard: { messages: 0 } });
    watching.leave();
  });

  test("is told also when another replica has handled the event", async () => {
    const place = givenPlace();
    const watching = await watch(member(place));
    await watching.next();
    // As another replica would: its rows are in the database, and the topics of all carry its word.
    await service.asAdministrator(
      `insert into counter (organization_id, workspace_id, grain, at, metric, object_id, label, value)
       values ($1, $2, 'QUARTER', date_bin('15 minutes', now(), 'epoch'), 'MESSAGES', 'bot_1', '', 7)`,
      [place.organizationId, place.workspaceId],
    );
    service.topics.publish(`activity:changed:${place.organizationId}`, { workspaceIds: [place.workspaceId] });
    expect(await watching.until(({ reason }) => reason === "CHANGE")).toMatchObject({ dashboard: { messages: 7 } });
    watching.leave();
  });

  test("many subscribers cost one look for a change, and all hear the same", async () => {
    const place = givenPlace();
    const all = await Promise.all(Array.from({ length: 200 }, () => watch(member(place))));
    await Promise.all(all.map(({ next }) => next()));
    const looks = async () =>
      Number(
        (
          await service.asAdministrator<{ n: string }>(
            "select coalesce(sum(seq_scan + idx_scan), 0) as n from pg_stat_user_tables where relname = 'rated_message'",
          )
        )[0]!.n,
      );
    const before = await looks();
    await tell(place, message());
    const told = await Promise.all(all.map(({ until }) => until(({ dashboard: { messages } }) => messages === 1)));
    expect(new Set(told.map((update) => JSON.stringify(update.dashboard))).size).toBe(1);
    // The server tells what it has counted with a delay; a look at heartbeat may be among it.
    await waitFor(async () => (await looks()) > before);
    expect((await looks()) - before).toBeLessThan(10);
    for (const { leave } of all) leave();
  });

  test("who is slow hears the newest, and not all that was before", async () => {
    const place = givenPlace();
    const [slow, quick] = [await watch(member(place)), await watch(member(place))];
    await slow.next();
    await quick.next();
    for (let n = 1; n <= 3; n++) {
      await tell(place, message());
      await quick.until(({ dashboard: { messages } }) => messages === n);
    }
    const seen = [(await slow.next()).dashboard["messages"]];
    while (seen.at(-1) !== 3) seen.push((await slow.next()).dashboard["messages"]);
    expect(seen.length).toBeLessThan(3);
    slow.leave();
    quick.leave();
  });

  test("an organization has so many different dashboards watched, and others theirs", async () => {
    const place = givenPlace();
    const periods = ["TODAY", "LAST_7_DAYS", "LAST_30_DAYS"];
    const watching = await Promise.all(periods.map((period) => watch(member(place), { period })));
    await expect(watch(member(place), { period: "YESTERDAY" })).rejects.toMatchObject({ code: "RATE_LIMITED" });
    const again = await watch(member(place), { period: "TODAY" });
    const other = await watch(member(givenPlace()), { period: "YESTERDAY" });
    for (const { leave } of [...watching, again, other]) leave();
    // Nobody watches any more, so there is room again.
    const later = await waitFor(() => watch(member(place), { period: "YESTERDAY" }).catch(() => null));
    later.leave();
  });
});
