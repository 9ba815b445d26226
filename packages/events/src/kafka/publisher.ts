import type { Message, Producer } from "kafkajs";
import type { Envelope } from "../envelope";
import type { EventLog } from "../log";
import { explained, inTime, type KafkaClient } from "./client";
import { toMessage, type Seal } from "./record";
import type { KafkaSettings } from "./settings";
import { growTopic, reconcileTopic } from "./topics";

// A request's records of one partition are one batch to the broker, and may have a megabyte together.
const pieceBytesMax = 900_000;
const headerBytes = 800;

/** Writes one service's events to its topic. */
export function startPublisher({
  client,
  settings,
  topic,
  seal,
  log,
}: {
  client(): Promise<KafkaClient>;
  settings: KafkaSettings;
  topic: string;
  seal: Seal;
  log: EventLog;
}) {
  let producer: Promise<Producer> | undefined;
  let reconciled = false;
  let grown = false;

  const connect = async (): Promise<Producer> => {
    const opened = await client();
    if (!reconciled) await reconcileTopic(opened, settings, topic, log);
    reconciled = true;
    const connecting = opened.kafka.producer({
      // Repetitions within a request are recognized by the broker, and a batch never overtakes the one before it.
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: opened.library.Partitioners.DefaultPartitioner,
      retry: { retries: 1, initialRetryTime: 100 },
    });
    await connecting.connect().catch(async (error: unknown) => {
      await inTime(connecting.disconnect());
      throw explained(error);
    });
    return connecting;
  };

  const forget = async () => {
    const old = producer;
    producer = undefined;
    if (old) await inTime(old.then((each) => each.disconnect()));
  };

  return {
    /** Connects before there is anything to publish: the first event of a process would wait seconds for it. */
    prepare(): void {
      producer ??= connect();
      producer.catch(forget);
    },
    /** One piece after the other. Where one fails, all are published again, in order; what is there twice is known by its id. */
    async publish(envelopes: readonly Envelope[]): Promise<void> {
      try {
        // Before it publishes for the first time, and so as the only one that does.
        if (!grown && (await growTopic(await client(), settings, topic, log))) await forget();
        grown = true;
        for (const messages of pieces(envelopes, seal)) {
          producer ??= connect();
          await (await producer).send({ topic, messages, acks: -1, timeout: 5_000 });
        }
      } catch (error) {
        // After some errors (OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID, being fenced) an idempotent producer
        // never works again, and after the others a new one costs little.
        await forget();
        throw error;
      }
    },
    stop: forget,
  };
}

function* pieces(envelopes: readonly Envelope[], seal: Seal): Generator<Message[]> {
  let messages: Message[] = [];
  let bytes = 0;
  for (const envelope of envelopes) {
    const message = toMessage(envelope, seal);
    const size = message.value.length + headerBytes + (envelope.sealedorigin?.length ?? 0);
    if (messages.length > 0 && bytes + size > pieceBytesMax) {
      yield messages;
      messages = [];
      bytes = 0;
    }
    messages.push(message);
    bytes += size;
  }
  if (messages.length > 0) yield messages;
}
