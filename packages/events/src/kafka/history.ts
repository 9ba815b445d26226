import { randomUUID } from "node:crypto";
import type { Envelope } from "../envelope";
import { Unreadable } from "../unreadable";
import { inTime, type KafkaClient } from "./client";
import { fromMessage, typeOf, type Seal } from "./record";
import type { KafkaSettings } from "./settings";
import { existingTopics, ownerOf } from "./topics";

const pageSize = 500;
// What stands twice in a topic stands close together: a relay that failed has published again at once.
const rememberedMax = 200_000;

export interface HistoryOptions {
  client: KafkaClient;
  settings: KafkaSettings;
  seal: Seal;
  hears(type: string): boolean;
  /** The services whose topics to read; all of them when left out. */
  services?: readonly string[];
  from: Date;
}

/**
 * What stands in the topics since `from`, in order per tenant and subject, each event once, up to what stands there now; in
 * pages. It reads as a group of its own that is forgotten afterwards.
 */
export async function* readHistory(options: HistoryOptions): AsyncGenerator<Envelope[]> {
  const { client, settings, seal, hears, services, from } = options;
  const topics = (await existingTopics(client, settings)).filter(
    (topic) => !services || services.includes(ownerOf(settings, topic)),
  );
  const { starts, ends } = await client.administer(async (admin) => {
    const starts = new Map<string, string>();
    const ends = new Map<string, number>();
    for (const topic of topics) {
      const found = await admin.fetchTopicOffsetsByTimestamp(topic, from.getTime());
      for (const { partition, offset } of found) starts.set(`${topic}/${partition}`, offset);
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        const place = `${topic}/${partition}`;
        if (Number(high) > Number(starts.get(place) ?? 0)) ends.set(place, Number(high));
      }
    }
    return { starts, ends };
  });
  if (ends.size === 0) return;

  const groupId = `${settings.KAFKA_TOPIC_PREFIX}replay.${randomUUID()}`;
  const consumer = client.kafka.consumer({ groupId, allowAutoTopicCreation: false });
  const pages = handOver<Envelope[]>();
  const seen = new Set<string>();
  consumer.on(consumer.events.CRASH, ({ payload }) => pages.fail(payload.error));
  try {
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        const { topic, partition } = batch;
        const end = ends.get(`${topic}/${partition}`);
        if (end === undefined) return;
        const place = { topic, partition, owner: ownerOf(settings, topic) };
        const envelopes: Envelope[] = [];
        for (const message of batch.messages) {
          if (Number(message.offset) >= end || !hears(typeOf(message) ?? "")) continue;
          const envelope = fromMessage(message, place, seal);
          if (envelope instanceof Unreadable || seen.has(envelope.id)) continue;
          seen.add(envelope.id);
          if (seen.size > rememberedMax) seen.delete(seen.values().next().value!);
          envelopes.push(envelope);
        }
        for (let at = 0; at < envelopes.length; at += pageSize) {
          await pages.give(envelopes.slice(at, at + pageSize));
          await heartbeat();
        }
        if (Number(batch.lastOffset()) + 1 < end) return;
        ends.delete(`${topic}/${partition}`);
        if (ends.size === 0) pages.close();
      },
    });
    for (const [place, offset] of starts) {
      const [topic, partition] = [place.slice(0, place.lastIndexOf("/")), place.slice(place.lastIndexOf("/") + 1)];
      consumer.seek({ topic, partition: Number(partition), offset });
    }
    yield* pages.taken();
  } finally {
    pages.abandon();
    await inTime(consumer.disconnect(), 10_000);
    await client.administer((admin) => admin.deleteGroups([groupId])).catch(() => {});
  }
}

/** Shows what comes from now on, as a group of its own that is forgotten afterwards. */
export async function followTopics({
  client,
  settings,
  seal,
  hears,
  onEvents,
}: Pick<HistoryOptions, "client" | "settings" | "seal" | "hears"> & {
  onEvents(envelopes: readonly Envelope[]): void;
}) {
  const groupId = `${settings.KAFKA_TOPIC_PREFIX}tail.${randomUUID()}`;
  const consumer = client.kafka.consumer({ groupId, allowAutoTopicCreation: false });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  const stop = async () => {
    await inTime(consumer.disconnect(), 10_000);
    await client.administer((admin) => admin.deleteGroups([groupId])).catch(() => {});
  };
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: await existingTopics(client, settings), fromBeginning: false });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, partition, messages } }) => {
        const place = { topic, partition, owner: ownerOf(settings, topic) };
        const read = messages.filter((each) => hears(typeOf(each) ?? "")).map((each) => fromMessage(each, place, seal));
        onEvents(read.filter((each): each is Envelope => !(each instanceof Unreadable)));
      },
    });
    await joined;
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Passes values from one side to the other, one at a time: the giver waits until its value has been dealt with. */
function handOver<T>() {
  const given: { value: T; taken(): void }[] = [];
  let over = false;
  let failure: unknown;
  let wake = () => {};
  return {
    give: (value: T) =>
      new Promise<void>((taken) => {
        if (over) return taken();
        given.push({ value, taken });
        wake();
      }),
    close() {
      over = true;
      wake();
    },
    fail(error: unknown) {
      failure ??= error;
      wake();
    },
    abandon() {
      over = true;
      for (const { taken } of given.splice(0)) taken();
    },
    async *taken(): AsyncGenerator<T> {
      for (;;) {
        const next = given.shift();
        if (next) {
          yield next.value;
          next.taken();
        } else if (failure) throw failure;
        else if (over) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
