import { setTimeout as wait } from "node:timers/promises";
import type { Consumer, EachBatchPayload, KafkaMessage } from "kafkajs";
import type { EventLog } from "../log";
import type { Subscription } from "../transport";
import { inTime, type KafkaClient } from "./client";
import { coalesced } from "./coalesced";
import { fromMessage, typeOf, type Seal } from "./record";
import type { KafkaSettings } from "./settings";
import { countPartitions, groupOf, makeTopics, ownerOf } from "./topics";

const sessionTimeoutMs = 10_000;
const heartbeatMs = 2_000;
// Longer than any request may take: a consumer that has neither fetched nor beaten for so long has stopped by itself.
const stallMs = 45_000;
const watchMs = 2_000;
const discoverMs = 5_000;
const backOffMsMin = 250;
const backOffMsMax = 5_000;
const deliveredAtOnceMax = 2_000;

export interface KafkaConsumerOptions {
  client(): Promise<KafkaClient>;
  settings: KafkaSettings;
  group: string;
  /** The topics to hear; asked again from time to time, because new services come up. */
  topics(client: KafkaClient): Promise<string[]>;
  hears(type: string): boolean;
  deliver: Subscription["deliver"];
  seal: Seal;
  log: EventLog;
}

/**
 * Hands one group what stands in its topics. Offsets are committed when what they stand for has been delivered; so after a
 * crash or a rebalance things come again, and none is skipped. A consumer that crashes, stalls or has missed a
 * topic is replaced by a new one, after a growing pause.
 */
export function startKafkaConsumer(options: KafkaConsumerOptions) {
  const { settings, group, seal, hears, log } = options;
  const groupId = groupOf(settings, group);
  const deliver = coalesced(options.deliver, deliveredAtOnceMax);
  const stopping = new AbortController();
  let failures = 0;
  let delivering = 0;
  let progressAt = performance.now();
  /** When the last event delivered was published; for the age of what waits. */
  let heardUntil = Date.now();

  const eachBatch = async ({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload) => {
    const place = { topic: batch.topic, partition: batch.partition, owner: ownerOf(settings, batch.topic) };
    for (let from = 0; from < batch.messages.length; from += deliveredAtOnceMax) {
      if (!isRunning() || isStale() || stopping.signal.aborted) return;
      const messages = batch.messages.slice(from, from + deliveredAtOnceMax);
      await deliverOrWait(
        messages.filter(isHeard).map((message) => fromMessage(message, place, seal)),
        heartbeat,
      );
      resolveOffset(messages.at(-1)!.offset);
      heardUntil = Number(messages.at(-1)!.timestamp);
      failures = 0;
      await heartbeat();
    }
  };

  // What doesn't say its type might be anything.
  const isHeard = (message: KafkaMessage) => {
    const type = typeOf(message);
    return type === undefined || hears(type);
  };

  /** Until it is stored. Where the inbox can't be written, the group keeps its place and waits. */
  const deliverOrWait = async (received: readonly unknown[], heartbeat: () => Promise<void>) => {
    if (received.length === 0) return;
    delivering++;
    let lost: unknown;
    const beating = setInterval(() => void heartbeat().catch((error: unknown) => (lost ??= error)), heartbeatMs);
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          return await deliver(received);
        } catch (error) {
          if (stopping.signal.aborted || lost) throw lost ?? error;
          if (attempt === 2) log.warn({ err: error }, `${group} can't store what it hears, and tries again`);
          await wait(Math.min(backOffMsMin * 2 ** attempt, backOffMsMax), null, { signal: stopping.signal });
        }
      }
    } finally {
      clearInterval(beating);
      delivering--;
      progressAt = performance.now();
    }
  };

  /** Runs one consumer until it has to be replaced; resolves with the reason. */
  const serve = async (): Promise<string> => {
    const client = await options.client();
    const topics = await options.topics(client);
    await makeTopics(client, settings, topics);
    if (stopping.signal.aborted) return "stopping";
    const consumer = client.kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: 30_000,
      heartbeatInterval: heartbeatMs,
      metadataMaxAge: 30_000,
      maxWaitTimeInMs: 500,
      allowAutoTopicCreation: false,
      // We begin anew ourselves, so that there is one place where that is done.
      retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 2_000, restartOnFailure: async () => false },
    });
    const partitions = await countPartitions(client, topics);
    const over = endOf(consumer, async () => {
      const found = await options.topics(client);
      return found.length === topics.length && (await countPartitions(client, found)) === partitions;
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics, fromBeginning: true });
      await consumer.run({ eachBatch, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 32 });
      return await over.reason;
    } finally {
      over.forget();
      await inTime(consumer.disconnect(), 10_000);
    }
  };

  const endOf = (consumer: Consumer, hearsAll: () => Promise<boolean>) => {
    let end = (_reason: string) => {};
    const reason = new Promise<string>((resolve) => (end = resolve));
    progressAt = performance.now();
    const { CRASH, HEARTBEAT, FETCH, GROUP_JOIN } = consumer.events;
    consumer.on(CRASH, ({ payload }) => end(`it has crashed: ${payload.error.message}`));
    for (const event of [HEARTBEAT, FETCH, GROUP_JOIN] as const)
      consumer.on(event as typeof HEARTBEAT, () => {
        progressAt = performance.now();
        failures = 0;
      });
    const watch = setInterval(() => {
      if (delivering === 0 && performance.now() - progressAt > stallMs) end("it has stalled");
    }, watchMs);
    const discover = setInterval(() => {
      hearsAll().then(
        (all) => !all && end("there are new topics or partitions"),
        () => {},
      );
    }, discoverMs);
    const onStop = () => end("stopping");
    stopping.signal.addEventListener("abort", onStop);
    return {
      reason,
      forget() {
        clearInterval(watch);
        clearInterval(discover);
        stopping.signal.removeEventListener("abort", onStop);
      },
    };
  };

  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        const reason = await serve();
        if (!stopping.signal.aborted) log.info({ group, reason }, `The consumer of ${group} is replaced`);
      } catch (error) {
        if (failures === 2) log.warn({ err: error }, `${group} can't reach Kafka, and tries again`);
      }
      const pauseMs = Math.min(backOffMsMin * 2 ** failures++, backOffMsMax);
      await wait(pauseMs, null, { signal: stopping.signal }).catch(() => {});
    }
  };
  const ended = run();

  return {
    topics: async () => options.topics(await options.client()),
    heardUntil: () => heardUntil,
    /** Lets deliveries that run finish, and leaves the group, so that others take over at once. */
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
