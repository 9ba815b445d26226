import { serviceOf } from "../envelope";
import { hearing } from "../hearing";
import type { EventLog } from "../log";
import type { EventTransport } from "../transport";
import { openClient, type KafkaClient } from "./client";
import { startKafkaConsumer } from "./consumer";
import { followTopics, readHistory } from "./history";
import { startPublisher } from "./publisher";
import { sealOf } from "./record";
import { faultsOfKafkaSettings, type KafkaSettings } from "./settings";
import { existingTopics, groupOf, lagOf, topicOf } from "./topics";

export { faultsOfKafkaSettings, kafkaSettings, type KafkaSettings } from "./settings";

/**
 * Carries events between processes over Kafka: one topic for each service that announces something, one consumer group for
 * each that hears. Nothing waits for a broker here: while there is none, publishing fails and the outboxes hold, and
 * consumers try again until there is one.
 */
export function kafkaTransport({
  settings,
  secret,
  log,
}: {
  settings: KafkaSettings;
  /** The installation's secret: what doesn't bear its signature isn't handled. */
  secret: string;
  log: EventLog;
}): Required<EventTransport> {
  const faults = faultsOfKafkaSettings(settings);
  if (!settings.KAFKA_BROKERS?.length) faults.push("KAFKA_BROKERS is missing");
  if (faults.length > 0) throw new Error(faults.join("; "));
  const seal = sealOf(secret);
  const publishers = new Map<string, ReturnType<typeof startPublisher>>();
  const consumers = new Map<string, ReturnType<typeof startKafkaConsumer>>();
  let opened: Promise<KafkaClient> | undefined;
  const client = () => (opened ??= openClient(settings, log));

  const publisherOf = (service: string) => {
    const known = publishers.get(service);
    if (known) return known;
    const publisher = startPublisher({ client, settings, topic: topicOf(settings, service), seal, log });
    publishers.set(service, publisher);
    return publisher;
  };

  return {
    keepsHistory: true,

    async publish(envelopes) {
      const services = new Set(envelopes.map(({ type }) => serviceOf(type)));
      for (const service of services)
        await publisherOf(service).publish(envelopes.filter(({ type }) => serviceOf(type) === service));
    },

    async subscribe({ group, types, deliver }) {
      if (consumers.has(group)) throw new Error(`${group} is subscribed already.`);
      publisherOf(group).prepare();
      const own = topicOf(settings, group);
      const named = types === "EVERY" ? [own] : [...new Set(types.map((type) => topicOf(settings, serviceOf(type))))];
      const topics = async (opened: KafkaClient) =>
        types === "EVERY" ? [...new Set([...named, ...(await existingTopics(opened, settings))])] : named;
      if (named.length === 0) return { stop: async () => {} };
      const consumer = startKafkaConsumer({
        ...{ client, settings, group, topics, deliver, seal, log },
        hears: hearing(types),
      });
      consumers.set(group, consumer);
      return {
        async stop() {
          await consumer.stop();
          consumers.delete(group);
        },
      };
    },

    async lag(group) {
      const consumer = consumers.get(group);
      const opened = await client();
      // Of a group that another process consumes for, it is known what it has begun with.
      const topics = consumer ? await consumer.topics() : await existingTopics(opened, settings);
      const { waiting } = await opened.administer((admin) =>
        lagOf(admin, groupOf(settings, group), topics, { begun: !consumer }),
      );
      const heardUntil = consumer && waiting > 0 ? consumer.heardUntil() : Date.now();
      return { waiting, oldestSeconds: Math.max(0, (Date.now() - heardUntil) / 1_000) };
    },

    async *history({ types, from }) {
      const services = types === "EVERY" ? undefined : [...new Set(types.map(serviceOf))];
      const hears = types === "EVERY" ? () => true : (type: string) => types.includes(type);
      yield* readHistory({ client: await client(), settings, seal, hears, services, from });
    },

    async tail({ types, onEvents }) {
      const opened = await client();
      return followTopics({ client: opened, settings, seal, hears: hearing(types), onEvents });
    },

    async close() {
      await Promise.all([...consumers.values()].map((consumer) => consumer.stop()));
      await Promise.all([...publishers.values()].map((publisher) => publisher.stop()));
    },
  };
}
