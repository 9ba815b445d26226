import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { folderBlobs } from "@atrium/blobs";
import { migrate, openDatabase, provisionDatabase, startEmbeddedPostgres, type Database } from "@atrium/database";
import {
  appendEvent,
  embeddedTransport,
  eventsBase,
  handleEvery,
  messageReceived,
  runEvents,
  type Envelope,
} from "@atrium/events";
import { newUuid } from "@atrium/ids";
import { personalDataBase } from "@atrium/personal-data";
import { recordEvents } from "../../services/privacy/src/audit-entry/record";
import { verifyChain } from "../../services/privacy/src/audit-entry/verify";
import type { Context } from "../../services/privacy/src/context";
import { PrismaClient } from "../../services/privacy/src/generated/prisma/client";
import { keysOf } from "../../services/privacy/src/keys";
import { root } from "./house";
import { perSecond } from "./statistics";
import { atLeast, type Figure, type Measure } from "./table";

const migrations = path.join(root, "services/privacy/prisma/migrations");
const base = [eventsBase, personalDataBase];
const log = { info() {}, warn() {}, error() {} };
const keys = keysOf("a secret of the benchmark, long enough");
const now = () => new Date();
const batchSize = 500;

/** How fast events become entries of the audit trail, and how fast a trail is verified, on a PostgreSQL that really writes. */
export const audit: Measure = async (say) => {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-bench-"));
  chmodSync(directory, 0o755); // run by root, the server is another user's
  const server = await startEmbeddedPostgres({ directory: path.join(directory, "postgres"), log });
  const open = async (name: string) => {
    const urls = await provisionDatabase(server.adminUrl, name);
    await migrate({ ...urls, directory: migrations, base });
    const database = openDatabase({ url: urls.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
    return { url: urls.appUrl, database };
  };
  const figures: Figure[] = [];
  const { url, database } = await open("privacy");
  try {
    for (const tenants of [1, 200]) {
      say(`200,000 entries of ${tenants} organization(s)`);
      const from = performance.now();
      for (let done = 0; done < 200_000; done += batchSize) await record(database, eventsOf(tenants, done));
      figures.push({
        what: `audit, batches of 500 → entries, ${tenants} organization(s)`,
        value: perSecond(200_000, performance.now() - from),
      });
    }
    say("verifying");
    const blobs = await folderBlobs(path.join(directory, "blobs"));
    await verifyChain({ db: database.asService(), keys, blobs }, "org_200_7");
    const from = performance.now();
    const { entryCount, firstBroken } = await verifyChain({ db: database.asService(), keys, blobs }, "org_1_0");
    if (firstBroken || entryCount !== 200_000) throw new Error(`not intact: ${JSON.stringify(firstBroken)}`);
    const rate = (entryCount / (performance.now() - from)) * 1_000;
    figures.push({
      what: "audit, verification of one chain of 200,000",
      value: perSecond(entryCount, performance.now() - from),
      reach: atLeast(200_000, "/s", Math.round(rate)),
    });

    say("30,000 events through outbox, transport and inbox");
    const chat = await open("chat");
    for (let n = 0; n < 30_000; n += 100)
      await chat.database.as({ organizationId: `org_${n % 50}`, userId: "usr_1" }).transaction(async (tx) => {
        for (let i = 0; i < 100; i++)
          await appendEvent(
            tx,
            messageReceived({ conversationId: `cnv_${n + i}`, chatbotId: "bot_1", messageId: `msg_${n + i}` }),
          );
      });
    const transport = embeddedTransport({ groups: ["chat", "privacy"] });
    let recorded = 0;
    const begun = performance.now();
    const privacy = await runEvents({
      service: "privacy",
      url,
      database,
      transport,
      consumers: [
        handleEvery(async ({ db }: Pick<Context, "db">, envelopes) => {
          await recordEvents({ db, database, keys, now }, envelopes);
          db.afterCommit(() => (recorded += envelopes.length));
        }),
      ],
      contextFor: (_, db) => ({ db }),
      log,
    });
    const relay = await runEvents({
      service: "chat",
      ...chat,
      transport,
      consumers: [],
      contextFor: (_, db) => ({ db }),
      log,
    });
    while (recorded < 30_000) await new Promise((resolve) => setTimeout(resolve, 10));
    figures.push({
      what: "audit, outbox → entry, 30,000 waiting, 50 organizations",
      value: perSecond(30_000, performance.now() - begun),
    });
    await relay.stop();
    await privacy.stop();
    await chat.database.close();
    return figures;
  } finally {
    await database.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
};

const eventsOf = (tenants: number, from: number): Envelope[] =>
  Array.from({ length: batchSize }, (_, i) => ({
    specversion: "1.0",
    id: newUuid(),
    source: "/atrium/chat",
    type: "chat.message.received.v1",
    subject: `cnv_${(from + i) % 5_000}`,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    organizationid: `org_${tenants}_${(from + i) % tenants}`,
    workspaceid: "wsp_1",
    actorid: `usr_${(from + i) % 1_000}`,
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    data: { conversationId: `cnv_${(from + i) % 5_000}`, chatbotId: "bot_1", messageId: `msg_${from + i}` },
  }));

const record = (database: Database<PrismaClient>, envelopes: readonly Envelope[]) =>
  database.asService().transaction((db) => recordEvents({ db, database, keys, now }, envelopes));
