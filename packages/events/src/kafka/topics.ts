import { setTimeout as wait } from "node:timers/promises";
import type { Admin } from "kafkajs";
import type { EventLog } from "../log";
import type { KafkaClient } from "./client";
import type { KafkaSettings } from "./settings";

const dayMs = 86_400_000;
const madeWithinMs = 5_000;
const madePollMs = 200;

/** The topic of what a service announces, and the group in which it hears the others. */
export const topicOf = ({ KAFKA_TOPIC_PREFIX: prefix }: KafkaSettings, service: string): string => prefix + service;
export const groupOf = topicOf;
export const ownerOf = ({ KAFKA_TOPIC_PREFIX: prefix }: KafkaSettings, topic: string): string =>
  topic.slice(prefix.length);

/**
 * What a topic is told. Facts are kept by age and never compacted: an earlier one of a subject isn't made obsolete by a
 * later one.
 */
const configOf = (settings: KafkaSettings): Record<string, string> => ({
  "cleanup.policy": "delete",
  "retention.ms": String(settings.KAFKA_RETENTION_DAYS * dayMs),
  "max.message.bytes": "1048588",
  // By the broker's clock: it refuses what a publisher says that is an hour in the future, whose clock may be wrong.
  "message.timestamp.type": "LogAppendTime",
});

/** Makes the topics that are missing. */
export async function makeTopics(client: KafkaClient, settings: KafkaSettings, topics: readonly string[]) {
  await client.administer(async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !existing.has(topic));
    if (missing.length === 0) return;
    const config = Object.entries(configOf(settings)).map(([name, value]) => ({ name, value }));
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({
        topic,
        numPartitions: settings.KAFKA_PARTITIONS,
        replicationFactor: settings.KAFKA_REPLICATION,
        configEntries: config,
      })),
    });
  });
}

/** How many partitions topics have together: when that changes, groups have to divide them anew. */
export async function countPartitions(client: KafkaClient, topics: readonly string[]): Promise<number> {
  const ask = () => client.administer((admin) => admin.fetchTopicMetadata({ topics: [...topics] }));
  for (const deadline = Date.now() + madeWithinMs; ; await wait(madePollMs))
    try {
      return (await ask()).topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
    } catch (error) {
      // One that another process has just made is listed before it can be asked for.
      if ((error as { type?: string }).type !== "UNKNOWN_TOPIC_OR_PARTITION" || Date.now() > deadline) throw error;
    }
}

/** All topics of this installation. */
export async function existingTopics(client: KafkaClient, { KAFKA_TOPIC_PREFIX: prefix }: KafkaSettings) {
  const topics = await client.administer((admin) => admin.listTopics());
  return topics.filter((topic) => topic.startsWith(prefix) && /^[a-z][a-z0-9]*$/.test(topic.slice(prefix.length)));
}

/** Makes a topic what the settings say, but for the number of its partitions. */
export async function reconcileTopic(client: KafkaClient, settings: KafkaSettings, topic: string, log: EventLog) {
  await makeTopics(client, settings, [topic]);
  const { ConfigResourceTypes } = client.library;
  await client.administer(async (admin) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
    });
    const entries = resources[0]?.configEntries ?? [];
    const now = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    const wanted = configOf(settings);
    if (Object.entries(wanted).some(([name, value]) => now.get(name) !== value)) {
      // It replaces all of the topic's own settings: what an operator has set besides has to be said again.
      const topicsOwn = 1;
      const kept = entries.filter(({ configSource }) => Number(configSource) === topicsOwn);
      const all = { ...Object.fromEntries(kept.map((each) => [each.configName, each.configValue])), ...wanted };
      const configEntries = Object.entries(all).map(([name, value]) => ({ name, value }));
      await admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
      });
      log.info({ topic, wanted }, "A topic's settings were changed to what is set");
    }
  });
}

/**
 * Adds partitions, where the settings say more. For the one process that publishes, before it does, and only when every
 * group has consumed what stands in the old ones: it moves subjects to other partitions. Says whether it has.
 */
export async function growTopic(
  client: KafkaClient,
  settings: KafkaSettings,
  topic: string,
  log: EventLog,
): Promise<boolean> {
  await makeTopics(client, settings, [topic]);
  return client.administer(async (admin) => {
    const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = metadata.topics[0]?.partitions.length ?? 0;
    const count = settings.KAFKA_PARTITIONS;
    if (partitions >= count) return false;
    const { groups } = await admin.listGroups();
    const own = groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(settings.KAFKA_TOPIC_PREFIX));
    for (const groupId of own) {
      const { waiting } = await lagOf(admin, groupId, [topic], { begun: true });
      if (waiting === 0) continue;
      log.warn({ topic, groupId, waiting }, "A topic gets no more partitions while events in it wait to be consumed");
      return false;
    }
    await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    log.info({ topic, partitions, count }, "A topic got more partitions");
    return true;
  });
}

type LagAdmin = Pick<Admin, "fetchOffsets" | "fetchTopicOffsets">;

/** What a group hasn't consumed yet of these topics; `begun`: of those that it has ever consumed anything of. */
export async function lagOf(admin: LagAdmin, groupId: string, topics: readonly string[], { begun = false } = {}) {
  let waiting = 0;
  const committed = await admin.fetchOffsets({ groupId, topics: [...topics] });
  for (const { topic, partitions } of committed) {
    const consumed = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    if (begun && ![...consumed.values()].some((offset) => offset >= 0)) continue;
    for (const { partition, high, low } of await admin.fetchTopicOffsets(topic))
      waiting += Math.max(0, Number(high) - Math.max(Number(low), consumed.get(partition) ?? 0));
  }
  return { waiting };
}
