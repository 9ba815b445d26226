import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { KafkaMessage, Message } from "kafkajs";
import { parseEnvelope, serviceOf, sourceOf, type Envelope } from "../envelope";
import type { DeadLetterReason } from "../inbox";
import { Unreadable } from "../unreadable";

// The Kafka protocol binding of CloudEvents 1.0, binary content mode: attributes are headers, the value is the data.
const attributes = [
  "specversion",
  "id",
  "source",
  "type",
  "subject",
  "time",
  "organizationid",
  "workspaceid",
  "actorid",
  "traceparent",
] as const;
// Ours besides, which an event may lack.
const extensions = ["agentid", "sealedorigin"] as const;
const signatureHeader = "atriumsignature";

type Attributes = Readonly<Partial<Record<(typeof attributes)[number] | (typeof extensions)[number], string>>>;

/** What vouches for records: whoever can write to a topic and doesn't have the installation's secret can't forge one. */
export interface Seal {
  of(key: string, given: Attributes, value: Buffer): string;
}

export function sealOf(secret: string): Seal {
  const sealingKey = Buffer.from(hkdfSync("sha256", secret, "atrium", "events:records", 32));
  return {
    of: (key, given, value) =>
      createHmac("sha256", sealingKey)
        .update(JSON.stringify([key, ...attributes.map((name) => given[name] ?? null), ...extensionsOf(given)]))
        .update(value)
        .digest("base64url"),
  };
}

/** None for an event without any, so that the signatures of records from before there were some hold. */
const extensionsOf = (given: Attributes) =>
  extensions.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]]));

/** Tenant and subject: what is delivered in order, and so stands in one partition. */
const keyOf = ({ organizationid, subject }: Pick<Envelope, "organizationid" | "subject">) =>
  `${organizationid ?? ""} ${subject}`;

export function toMessage(envelope: Envelope, seal: Seal): Message & { value: Buffer } {
  const headers: Record<string, string> = {};
  for (const name of [...attributes, ...extensions]) {
    const value = envelope[name];
    if (value !== undefined) headers[`ce_${name}`] = value;
  }
  const key = keyOf(envelope);
  const value = Buffer.from(JSON.stringify(envelope.data));
  headers[signatureHeader] = seal.of(key, envelope, value);
  headers["content-type"] = envelope.datacontenttype;
  // For tools that follow traces through Kafka without knowing CloudEvents.
  if (envelope.traceparent !== undefined) headers.traceparent = envelope.traceparent;
  return { key, value, headers };
}

export interface RecordPlace {
  topic: string;
  partition: number;
  /** The service that the topic belongs to: the only one that may announce anything in it. */
  owner: string;
}

/** The type that a record says it is of; undefined if it says none. */
export const typeOf = (message: KafkaMessage): string | undefined => textOf(message.headers?.ce_type);

/** The envelope in a record, or the record itself with the reason why it isn't one. */
export function fromMessage(message: KafkaMessage, place: RecordPlace, seal: Seal): Envelope | Unreadable {
  const unreadable = (reason: DeadLetterReason, error: string) => asUnreadable(message, place, reason, error);
  const given = attributesOf(message.headers ?? {});
  const { type = "", source, subject = "", organizationid } = given;
  if (type === "") return unreadable("INVALID", "This is no event of ours: it has no header ce_type.");
  if (serviceOf(type) !== place.owner || source !== sourceOf(type))
    return unreadable("FOREIGN", `${source} may not announce ${type} in the topic of ${place.owner}.`);
  const key = message.key?.toString("utf8") ?? "";
  const value = message.value ?? Buffer.alloc(0);
  if (key !== keyOf({ organizationid, subject }))
    return unreadable("FORGED", `The key "${key}" isn't the tenant and the subject of the event.`);
  if (!sameText(textOf(message.headers?.[signatureHeader]), seal.of(key, given, value)))
    return unreadable("FORGED", "The record doesn't bear the signature of this installation.");
  try {
    const datacontenttype = textOf(message.headers?.["content-type"]);
    return parseEnvelope({ ...given, datacontenttype, data: JSON.parse(value.toString("utf8")) });
  } catch (error) {
    return unreadable("INVALID", (error as Error).message);
  }
}

// Written out, because it is done for every record, and objects of one shape are what that is fast with.
const attributesOf = (headers: NonNullable<KafkaMessage["headers"]>): Attributes => ({
  specversion: textOf(headers.ce_specversion),
  id: textOf(headers.ce_id),
  source: textOf(headers.ce_source),
  type: textOf(headers.ce_type),
  subject: textOf(headers.ce_subject),
  time: textOf(headers.ce_time),
  organizationid: textOf(headers.ce_organizationid),
  workspaceid: textOf(headers.ce_workspaceid),
  actorid: textOf(headers.ce_actorid),
  traceparent: textOf(headers.ce_traceparent),
  agentid: textOf(headers.ce_agentid),
  sealedorigin: textOf(headers.ce_sealedorigin),
});

function asUnreadable(message: KafkaMessage, place: RecordPlace, reason: DeadLetterReason, error: string) {
  const { topic, partition } = place;
  const { offset, timestamp, key, value } = message;
  const headers = Object.entries(message.headers ?? {}).map(([name, text]) => [name, String(text)]);
  const payload = {
    topic,
    partition,
    offset,
    timestamp,
    headers: Object.fromEntries(headers),
    key: key?.toString("base64") ?? null,
    value: value?.toString("base64") ?? null,
  };
  return Unreadable.of([`${topic}/${partition}/${offset}/${timestamp}`, value ?? ""], reason, error, payload);
}

type HeaderValue = NonNullable<KafkaMessage["headers"]>[string];

const textOf = (header: HeaderValue): string | undefined =>
  header === undefined || header === null || Array.isArray(header) ? undefined : header.toString();

function sameText(given: string | undefined, expected: string): boolean {
  if (given?.length !== expected.length) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}
