import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrate, openDatabase, provisionDatabase, startEmbeddedPostgres } from "@atrium/database";
import {
  conversationStarted,
  documentIngested,
  eventsBase,
  messageAnswered,
  messageReceived,
  sourceOf,
  type Envelope,
  type EventDraft,
} from "@atrium/events";
import { newId, newUuid } from "@atrium/ids";
import { personalDataBase } from "@atrium/personal-data";
import { log } from "../../packages/events/src/testing/ledger";
import { PrismaClient } from "../../services/activity/src/generated/prisma/client";
import { recordEvents } from "../../services/activity/src/recording/commands";
import { inProcessTopics } from "@atrium/topics";
import { root } from "./house";
import { perSecond, rounded } from "./statistics";
import type { Measure } from "./table";

const batch = 500;
const batches = 120;

/** How many events a second are made into lines, sums and the rest, on an embedded PostgreSQL that writes to disk. */
export const recording: Measure = async (say) => {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-bench-"));
  chmodSync(directory, 0o755); // run by root, the server is another user's
  const server = await startEmbeddedPostgres({ directory: path.join(directory, "postgres"), log });
  const topics = inProcessTopics();
  try {
    const figures = [];
    for (const workspaces of [10, 1_000]) {
      const urls = await provisionDatabase(server.adminUrl, "activity", `activity_${workspaces}`);
      const migrations = path.join(root, "services/activity/prisma/migrations");
      await migrate({ ...urls, directory: migrations, base: [eventsBase, personalDataBase] });
      const database = openDatabase({
        url: urls.appUrl,
        createClient: (adapter) => new PrismaClient({ adapter }),
        log,
      });
      const places = Array.from({ length: workspaces }, () => ({
        organizationid: newId("org"),
        workspaceid: newId("wsp"),
        actorid: newId("usr"),
      }));
      say(`${rounded(batch * batches)} events of ${rounded(workspaces)} workspaces`);
      const told = Array.from({ length: batches + 10 }, () =>
        Array.from({ length: batch }, (_, n) => eventOf(n, places[Math.floor(Math.random() * workspaces)]!)),
      );
      const service = database.asService();
      const record = (events: Envelope[]) => service.transaction((db) => recordEvents({ db, topics }, events));
      for (const events of told.slice(0, 10)) await record(events);
      const begun = performance.now();
      for (const events of told.slice(10)) await record(events);
      figures.push({
        what: `events recorded (lines, sums in four grains, presence), batches of ${batch}, ${rounded(workspaces)} workspaces`,
        value: perSecond(batch * batches, performance.now() - begun),
      });
      await database.close();
    }
    return figures;
  } finally {
    topics.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
};

function eventOf(n: number, place: { organizationid: string; workspaceid: string; actorid: string }): Envelope {
  const draft = draftOf(n);
  return {
    specversion: "1.0",
    id: newUuid(),
    source: sourceOf(draft.type),
    type: draft.type,
    subject: draft.subject,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    ...place,
    data: draft.data,
  };
}

// As a day's work has them: mostly messages and their answers.
function draftOf(n: number): EventDraft {
  const conversation = { conversationId: newId("cnv"), chatbotId: "bot_1" };
  const messageId = newId("msg");
  const cost = { costMicros: 0, latencyMs: 20, citationCount: 1 };
  switch (n % 10) {
    case 0:
      return conversationStarted({ ...conversation, channel: "CONSOLE" });
    case 1:
      return documentIngested({
        ...{ documentId: newId("doc"), knowledgeBaseId: "kb_1" },
        ...{ passageCount: 9, sizeBytes: 9_000, durationMs: 90 },
      });
    default:
      return n % 2
        ? messageReceived({ ...conversation, messageId })
        : messageAnswered({ ...conversation, messageId, tier: 1, ...cost });
  }
}
