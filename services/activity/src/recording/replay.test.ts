import {
  conversationClosed,
  conversationStarted,
  documentDeleted,
  documentIngested,
  documentUploaded,
  membershipGranted,
  membershipRevoked,
  messageAnswered,
  messageRated,
  messageReceived,
  userSignedIn,
  workspaceDeleted,
  type Envelope,
} from "@atrium/events";
import { newId } from "@atrium/ids";
import { waitFor } from "@atrium/testing";
import { eventOf, givenPlace, startTestActivity, type Service, type TestPlace } from "../testing";
import { recordEvents } from "./commands";

/** The tables that are made of events, and of nothing else. */
const replayable = [
  "activity",
  "recent_document",
  "counted_event",
  "counted_since",
  "counter",
  "presence",
  "rated_message",
  "closed_workspace",
];

let service: Service;
beforeAll(async () => void (service = await startTestActivity()));
afterAll(() => service.stop());

// The same everywhere, so that a failure can be had again.
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Days of work in two organizations, as their services would announce it; times go up. */
function history(random: () => number): Envelope[] {
  const places: TestPlace[] = [givenPlace(), givenPlace()];
  places.push({ ...places[0]!, workspaceId: newId("wsp") });
  let at = Date.parse("2026-11-15T22:00:00Z");
  const tick = () => new Date((at += Math.floor(random() * 900_000) + 1));
  const events: Envelope[] = [];
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
  const people = Array.from({ length: 6 }, () => newId("usr"));
  for (let n = 0; n < 120; n++) {
    const place = pick(places);
    const userId = pick(people);
    const told = () => ({ ...place, userId, at: tick() });
    const chatbotId = pick(["bot_1", "bot_2"]);
    const conversationId = newId("cnv");
    const messageId = newId("msg");
    const document = { documentId: newId("doc"), knowledgeBaseId: pick(["kb_1", "kb_2"]) };
    switch (n % 4) {
      case 0:
        events.push(
          eventOf(
            conversationStarted({ conversationId, chatbotId, participantId: userId, channel: "CONSOLE" }),
            told(),
          ),
          eventOf(messageReceived({ conversationId, chatbotId, messageId }), told()),
          eventOf(
            messageAnswered({
              conversationId,
              chatbotId,
              messageId,
              tier: 1,
              costMicros: n,
              latencyMs: n,
              citationCount: 1,
            }),
            told(),
          ),
          eventOf(messageRated({ conversationId, chatbotId, messageId, rating: "UP" }), told()),
          eventOf(messageRated({ conversationId, chatbotId, messageId, rating: pick(["UP", "DOWN"]) }), told()),
          eventOf(conversationClosed({ conversationId, chatbotId, participantId: userId }), told()),
        );
        break;
      case 1:
        events.push(
          eventOf(documentUploaded({ ...document, contentType: "a/b", sizeBytes: 100 + n }), told()),
          eventOf(documentIngested({ ...document, passageCount: 3, sizeBytes: 100 + n, durationMs: 20 }), told()),
        );
        if (random() < 0.4) events.push(eventOf(documentDeleted({ ...document, sizeBytes: 100 + n }), told()));
        break;
      case 2: {
        const membership = { membershipId: newId("wmem"), userId, workspaceId: place.workspaceId };
        events.push(eventOf(membershipGranted({ ...membership, role: "editor" }), told()));
        if (random() < 0.5) events.push(eventOf(membershipRevoked(membership), told()));
        break;
      }
      default:
        events.push(
          eventOf(userSignedIn({ userId, sessionId: newId("ses"), method: "EMAIL", ...place }), { userId, at: tick() }),
        );
    }
  }
  const gone = places[2]!;
  events.push(eventOf(workspaceDeleted({ workspaceId: gone.workspaceId }), { ...gone, at: tick() }));
  return events;
}

/** Some order that keeps the events of one subject in theirs, in batches of any size, some of them twice. */
function shuffled(events: readonly Envelope[], random: () => number): Envelope[][] {
  const lanes = new Map<string, Envelope[]>();
  for (const event of events) lanes.set(event.subject, [...(lanes.get(event.subject) ?? []), event]);
  const order: Envelope[] = [];
  const open = [...lanes.values()];
  while (open.length > 0) {
    const i = Math.floor(random() * open.length);
    order.push(open[i]!.shift()!);
    if (open[i]!.length === 0) open.splice(i, 1);
  }
  const batches: Envelope[][] = [];
  for (let i = 0; i < order.length;) {
    const size = 1 + Math.floor(random() * 60);
    const batch = order.slice(i, i + size);
    batches.push(random() < 0.3 ? [...batch, ...batch] : batch);
    i += size;
  }
  return batches;
}

async function hearAgain(batches: readonly Envelope[][]): Promise<void> {
  for (const batch of batches) {
    // As a replay: past the receipts of the inbox.
    await service.asAdministrator("delete from inbox_receipt");
    await service.hear(...batch);
  }
}

const random = randomFrom(20_261_126);
const events = history(random);

test("emptied and told everything again, in another order and in other batches, it is the same to the row", async () => {
  await service.hear(...events);
  const before = await service.rowsOf(replayable);
  for (const table of ["activity", "counter", "presence", "rated_message", "recent_document", "closed_workspace"])
    expect(before[table]!.length).toBeGreaterThan(0);

  await service.asAdministrator(`truncate ${replayable.join(", ")}`);
  expect(Object.values(await service.rowsOf(replayable)).flat()).toEqual([]);
  await hearAgain(shuffled(events, random));
  expect(await service.rowsOf(replayable)).toEqual(before);
});

test("told everything again without being emptied, nothing changes", async () => {
  const before = await service.rowsOf(replayable);
  await hearAgain(shuffled(events, random));
  expect(await service.rowsOf(replayable)).toEqual(before);
});

test("taken back from a midnight on, and told what happened since, it is the same to the row", async () => {
  const before = await service.rowsOf(replayable);
  const from = new Date("2026-11-17T00:00:00Z");
  await service.takeBack(from);
  const kept = await service.rowsOf(replayable);
  expect(kept["activity"]!.length).toBeGreaterThan(0);
  expect(kept["activity"]!.length).toBeLessThan(before["activity"]!.length);
  await hearAgain(
    shuffled(
      events.filter(({ time }) => new Date(time) >= from),
      random,
    ),
  );
  expect(await service.rowsOf(replayable)).toEqual(before);
});

test("what can't be made again isn't taken back", async () => {
  const before = await service.rowsOf(replayable);
  await expect(service.takeBack(new Date("2026-11-17T01:00:00Z"))).rejects.toThrow("a midnight of UTC on");
  expect(await service.rowsOf(replayable)).toEqual(before);

  await service.asAdministrator("insert into counted_since (id, since) values (1, '2026-11-16T08:00:00Z')");
  await expect(service.takeBack(new Date("2026-11-16T00:00:00Z"))).rejects.toThrow("from 2026-11-17 on it is.");
  await service.asAdministrator("delete from counted_since");
  expect(await service.rowsOf(replayable)).toEqual(before);
});

test("nobody but the service takes anything back", async () => {
  const before = await service.rowsOf(replayable);
  const midnight = new Date("2026-11-17T00:00:00Z");
  await service.database.as({ ...givenPlace(), userId: newId("usr") }).sql("select take_back_events($1)", [midnight]);
  expect(await service.rowsOf(replayable)).toEqual(before);
});

test("what is being recorded while it is taken back is counted once", async () => {
  const place = givenPlace();
  const received = () =>
    eventOf(messageReceived({ conversationId: newId("cnv"), chatbotId: "bot_1", messageId: newId("msg") }), place);
  const [first, second] = [received(), received()];
  await service.hear(first);
  let taking: Promise<void> | undefined;
  await service.database.asService().transaction(async (tx) => {
    await recordEvents({ db: tx, topics: service.topics }, [second]);
    taking = service.takeBack(new Date(new Date().setUTCHours(0, 0, 0, 0) - 86_400_000));
    taking.catch(() => {});
    await waitFor(async () => {
      const waiting = await service.asAdministrator(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return waiting.length > 0;
    });
  });
  await taking;
  await hearAgain([[second, first]]);
  const sums = await service.asAdministrator(
    "select grain, sum(value)::int as value from counter where organization_id = $1 and metric = 'MESSAGES' group by 1 order by 1",
    [place.organizationId],
  );
  expect(sums).toEqual(["DAY", "MINUTE", "QUARTER", "TOTAL"].map((grain) => ({ grain, value: 2 })));
});

test("an event that can't be read waits to be tried again, and those beside it are recorded", async () => {
  const place = givenPlace();
  const good = () =>
    eventOf(messageReceived({ conversationId: newId("cnv"), chatbotId: "bot_1", messageId: newId("msg") }), place);
  const bad = { ...good(), data: { conversationId: 7 } };
  const unknown = { ...good(), type: "chat.message.received.v9" };
  await service.tell(good(), bad, unknown, good());
  await waitFor(async () => {
    const [row] = await service.asAdministrator<{ value: string }>(
      "select value from counter where organization_id = $1 and grain = 'TOTAL' and metric = 'MESSAGES'",
      [place.organizationId],
    );
    return row?.value === "2";
  });
  expect(await service.asAdministrator("select 1 from counted_event where id = $1", [bad.id])).toEqual([]);
});
