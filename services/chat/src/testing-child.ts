// Run as a process of its own by a test, which kills it: accepts a message, and never gets an answer from knowledge.
import type { Actor } from "@atrium/access";
import type { BlobStore } from "@atrium/blobs";
import type { ServiceDatabase } from "@atrium/database";
import { postgresEphemeral } from "@atrium/ephemeral";
import { embeddedTransport } from "@atrium/events";
import { createLog } from "@atrium/subgraph";
import { inProcessTopics } from "@atrium/topics";
import { startChat } from "./main";
import { sendMessage } from "./testing-operations";

export interface ChildInput {
  home: ServiceDatabase;
  ephemeralUrls: ServiceDatabase;
  actor: Actor;
  message: { conversationId: string; text: string; idempotencyKey: string };
}

async function main({ home, ephemeralUrls, actor, message }: ChildInput): Promise<void> {
  const log = createLog("chat", { LOG_LEVEL: "silent" });
  const subgraph = await startChat({
    shape: "distributed",
    secret: "a secret of the tests, long enough to be one",
    env: {},
    log,
    publicUrl: "http://localhost:4000",
    topics: inProcessTopics(),
    blobs: null as unknown as BlobStore,
    database: async () => home,
    transport: embeddedTransport({ groups: ["chat", "nobody"] }),
    ephemeral: await postgresEphemeral({ ...ephemeralUrls, log }),
    call: () => {
      process.stdout.write("asked\n");
      return new Promise(() => {});
    },
    callInternal: async () => ({}),
  });
  const { errors } = await subgraph.execute({
    query: sendMessage,
    variables: { input: message },
    actor,
    requestId: "test",
  });
  if (errors) throw errors[0]!;
}

void main(JSON.parse(process.argv[2]!) as ChildInput);
