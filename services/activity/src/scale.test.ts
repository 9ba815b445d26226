import { membershipGranted, messageReceived } from "@atrium/events";
import { newId } from "@atrium/ids";
import { waitFor } from "@atrium/testing";
import { eventOf, givenPlace, member, startTestActivity, type Service } from "./testing";

// What an answer costs doesn't grow with the table: the server's own count of the rows that it looked at says so.

let service: Service;
const place = givenPlace();
const lines = 60_000;
const sums = 200_000;

beforeAll(async () => {
  service = await startTestActivity();
  const { organizationId, workspaceId } = place;
  // A workspace in which conversations bury everything else, and one document is the oldest line of all.
  await service.asAdministrator(
    `insert into activity (id, organization_id, workspace_id, kind, subject_type, subject_id, actor_id, person_id, happened_at)
     select ('01900000-' || lpad(to_hex(n / 65536), 4, '0') || '-7' || lpad(to_hex((n / 16) % 4096), 3, '0') || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
            $1, $2, 'CONVERSATION_STARTED', 'CONVERSATION', 'cnv_' || n, 'usr_' || n % 1000, 'usr_' || n % 1000, now()
     from generate_series(1, ${lines}) as n`,
    [organizationId, workspaceId],
  );
  await service.asAdministrator(
    `insert into counter (organization_id, workspace_id, grain, at, metric, object_id, label, value)
     select $1, 'wsp_' || n % 200, 'QUARTER', timestamptz '2026-01-01' + n / 200 * interval '15 minutes', 'MESSAGES', '', '', 1
     from generate_series(1, ${sums}) as n`,
    [organizationId],
  );
  await service.asAdministrator("analyze activity");
  await service.asAdministrator("analyze counter");
}, 120_000);
afterAll(() => service.stop());

/** How many rows of the table the server has read meanwhile, by scanning it and by its indexes. */
async function rowsRead(table: string, act: () => Promise<unknown>): Promise<{ scanned: number; found: number }> {
  const counts = async () => {
    const [row] = await service.asAdministrator<{ scans: string; scanned: string; found: string }>(
      `select (select coalesce(sum(idx_scan), 0) from pg_stat_user_indexes where relname = $1) + seq_scan as scans,
              seq_tup_read as scanned,
              (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes where relname = $1) as found
       from pg_stat_user_tables where relname = $1`,
      [table],
    );
    return { scans: Number(row!.scans), scanned: Number(row!.scanned), found: Number(row!.found) };
  };
  const before = await counts();
  await act();
  // A session tells what it has counted with a delay.
  const after = await waitFor(async () => {
    const now = await counts();
    return now.scans > before.scans ? now : null;
  }, 15_000);
  return { scanned: after.scanned - before.scanned, found: after.found - before.found };
}

test("a page of a timeline reads a page of rows, also for who may see almost none of them", async () => {
  await service.hear(
    eventOf(
      membershipGranted({
        membershipId: "wmem_1",
        userId: newId("usr"),
        workspaceId: place.workspaceId,
        role: "editor",
      }),
      {
        ...place,
        at: "2024-01-01T00:00:00Z",
      },
    ),
  );
  const query = "{ timeline(first: 20) { nodes { kind } } }";
  type Answer = { timeline: { nodes: { kind: string }[] } };
  for (const [permissions, seen] of [
    [["*"], 20],
    [["workspace_members:read"], 1],
    [["knowledge:read"], 0],
  ] as const) {
    let answer!: Answer;
    const read = await rowsRead("activity", async () => {
      answer = await service.run<Answer>(member(place, [...permissions]), query);
    });
    expect(answer.timeline.nodes).toHaveLength(seen);
    expect(read.scanned).toBe(0);
    expect(read.found).toBeLessThan(200);
  }
});

test("a dashboard reads the sums of its workspace and period", async () => {
  service.clock.now = new Date("2026-01-05T00:00:00Z");
  const mine = member({ ...place, workspaceId: "wsp_7" });
  const read = await rowsRead("counter", () => service.run(mine, "{ dashboard(period: YESTERDAY) { messages } }"));
  expect(read.scanned).toBe(0);
  expect(read.found).toBeLessThan(300);
  service.clock.now = new Date();
});

test("events are recorded without looking at what was recorded before", async () => {
  const messages = Array.from({ length: 50 }, () =>
    eventOf(messageReceived({ conversationId: newId("cnv"), chatbotId: "bot_1", messageId: newId("msg") }), place),
  );
  const read = await rowsRead("counter", () => service.hear(...messages));
  expect(read.scanned).toBe(0);
  expect(read.found).toBeLessThan(500);
});
