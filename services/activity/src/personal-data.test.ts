import {
  consentGiven,
  conversationStarted,
  erasureDue,
  membershipGranted,
  projectCreated,
  userSignedIn,
} from "@atrium/events";
import { newId } from "@atrium/ids";
import { waitFor } from "@atrium/testing";
import { inProcessTopics } from "@atrium/topics";
import { held } from "./personal-data";
import { recordEvents } from "./recording/commands";
import { eventOf, givenPlace, member, startTestActivity, type Service } from "./testing";

let service: Service;
beforeAll(async () => void (service = await startTestActivity()));
afterAll(() => service.stop());

const tables = ["activity", "presence", "analytics_consent", "interaction_batch", "counter", "recent_document"];
const mentions = async (text: string) => JSON.stringify(await service.rowsOf(tables)).split(text).length - 1;

function actsOf(userId: string, place: { organizationId: string; workspaceId: string }) {
  const told = { ...place, userId };
  return [
    eventOf(projectCreated({ projectId: newId("prj") }), told),
    eventOf(
      conversationStarted({
        conversationId: newId("cnv"),
        chatbotId: "bot_1",
        participantId: userId,
        channel: "CONSOLE",
      }),
      told,
    ),
    eventOf(
      membershipGranted({ membershipId: newId("wmem"), userId, workspaceId: place.workspaceId, role: "editor" }),
      place,
    ),
    eventOf(userSignedIn({ userId, sessionId: newId("ses"), method: "EMAIL", ...place }), { userId }),
    eventOf(consentGiven({ userId, purpose: "analytics", purposeVersion: 1, method: "SETTINGS" }), {
      organizationId: place.organizationId,
      userId,
    }),
  ];
}

const erase = async (userId: string) => {
  const erasureId = newId("era");
  await service.hear(eventOf(erasureDue({ erasureId, userId, services: ["activity"], attempt: 1 }), {}));
  await waitFor(
    async () =>
      (
        await service.asAdministrator(
          "select 1 from published_event where type like 'activity.personal_data.erased%' and subject = $1",
          [erasureId],
        )
      ).length > 0,
  );
};

test("somebody who is erased is nowhere any more, others' lines and all numbers stay, and nothing brings them back", async () => {
  const place = givenPlace();
  const [gone, other] = [newId("usr"), newId("usr")];
  const acts = actsOf(gone, place);
  await service.hear(...acts, ...actsOf(other, place));
  const counters = await service.rowsOf(["counter"]);
  const others = await mentions(other);
  expect(await mentions(gone)).toBeGreaterThan(0);

  await erase(gone);
  expect(await mentions(gone)).toBe(0);
  expect(await mentions(other)).toBe(others);
  expect(await service.rowsOf(["counter"])).toEqual(counters);
  const lines = await service.asAdministrator("select 1 from activity where workspace_id = $1", [place.workspaceId]);
  expect(lines).toHaveLength(6);

  // Late, or again, also after everything was taken back.
  await service.asAdministrator("delete from inbox_receipt");
  await service.hear(...acts, ...actsOf(gone, place));
  expect(await mentions(gone)).toBe(0);
});

test("what is being recorded of somebody while they are erased is erased too", async () => {
  const place = givenPlace();
  const gone = newId("usr");
  let commit = () => {};
  let recorded = () => {};
  const isRecorded = new Promise<void>((resolve) => (recorded = resolve));
  const recording = service.database.asService().transaction(async (db) => {
    await recordEvents({ db, topics: inProcessTopics() }, actsOf(gone, place));
    recorded();
    await new Promise<void>((resolve) => (commit = resolve));
  });
  await isRecorded;
  const erasing = erase(gone);
  const waits = `select 1 from pg_locks join pg_database d on d.oid = database and d.datname = current_database()
                  where locktype = 'advisory' and not granted`;
  await waitFor(async () => (await service.asAdministrator(waits)).length > 0);
  commit();
  await Promise.all([recording, erasing]);
  expect(await mentions(gone)).toBe(0);
});

test("each noun hands over its person's records, a page at a time, and nobody else's", async () => {
  const place = givenPlace();
  const [ada, other] = [member(place, []), newId("usr")];
  await service.hear(...actsOf(ada.userId, place), ...actsOf(other, place));
  const at = new Date().toISOString();
  await service.run(
    ada,
    `mutation ($input: RecordInteractionsInput!) { recordInteractions(input: $input) { detailKept } }`,
    { input: { batchId: "batch-of-the-test-1", interactions: [{ kind: "VIEW", target: "home", at }] } },
  );
  await service.handled();
  const db = service.database.asService({ userId: ada.userId });
  const counts: Record<string, number> = {};
  for (const [noun, data] of Object.entries(held)) {
    if ("holdsNothing" in data) continue;
    const records = [];
    for await (const record of data.records({ userId: ada.userId, emails: [], db, now: new Date() }))
      records.push(record);
    counts[noun] = records.length;
    expect(JSON.stringify(records)).not.toContain(other);
  }
  // Created, talked, joined, signed in, agreed; all within one quarter of an hour, or two.
  expect(counts).toMatchObject({ activity: 5, consent: 1, interaction: 1 });
  expect(counts["presence"]).toBeGreaterThan(0);
});
