import { z } from "zod";

/** One event on its way: CloudEvents 1.0 in structured JSON form. Absent attributes are left out, never null. */
export interface Envelope<Data = unknown> {
  readonly specversion: "1.0";
  /** UUIDv7. Whoever sees the same id twice sees the same event twice. */
  readonly id: string;
  /** `/atrium/<service>`: the only service that may announce this type. */
  readonly source: string;
  /** `<service>.<noun>.<past tense>.v<version>`. */
  readonly type: string;
  /** The id of the object that the event is about. Events of one subject arrive in the order they were appended. */
  readonly subject: string;
  /** When it was appended, RFC 3339 in UTC. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  /** Left out for what happens outside every organization: somebody registered, somebody signed in. */
  readonly organizationid?: string;
  readonly workspaceid?: string;
  /** The person whose act was the cause. */
  readonly actorid?: string;
  /** What acted for that person: an API key's id, or a service's name. Left out where they acted themselves. */
  readonly agentid?: string;
  /** Address and device of the request that was the cause, sealed; `originSeal` of the announcing service opens it. */
  readonly sealedorigin?: string;
  /** W3C trace context of the request that was the cause. */
  readonly traceparent?: string;
  readonly data: Data;
}

/** An envelope is no bigger than this as JSON: a Kafka broker's default limit is 1 MiB with headers and framing. */
export const envelopeBytesMax = 900_000;

const eventType = /^[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)+\.v[1-9]\d{0,3}$/;

export const isEventType = (text: string): boolean => eventType.test(text);

/** The service that owns an event type, and alone may announce it. */
export const serviceOf = (type: string): string => type.slice(0, type.indexOf("."));

export const sourceOf = (type: string): string => `/atrium/${serviceOf(type)}`;

/** W3C trace context: version, trace id, span id, flags. */
export const traceparentForm = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

// As the database takes them for a tenant.
const id = z
  .string()
  .max(200)
  .regex(/^[\x21-\x7e]+$/, "not an id");

const envelopeSchema = z
  .object({
    specversion: z.literal("1.0"),
    id: z.guid(),
    source: z.string(),
    type: z.string().max(200).regex(eventType),
    subject: id,
    time: z.iso.datetime({ offset: true }),
    datacontenttype: z.literal("application/json"),
    organizationid: id.optional(),
    workspaceid: id.optional(),
    actorid: id.optional(),
    agentid: id.optional(),
    sealedorigin: z
      .string()
      .max(4_000)
      .regex(/^[\w-]+$/)
      .optional()
      .catch(undefined),
    traceparent: z.string().regex(traceparentForm).optional().catch(undefined),
    data: z.unknown(),
  })
  .refine(({ source, type }) => source === sourceOf(type), {
    path: ["source"],
    error: ({ input }) => `${(input as Envelope).source} doesn't own ${(input as Envelope).type}`,
  })
  .refine(({ organizationid, workspaceid }) => organizationid !== undefined || workspaceid === undefined, {
    path: ["workspaceid"],
    error: "a workspace without its organization",
  });

/** The envelope in something received. Throws an error that names every fault. */
export function parseEnvelope(received: unknown): Envelope {
  const parsed = envelopeSchema.safeParse(received);
  if (!parsed.success) throw new Error(`This is no event of ours. ${faultsOf(parsed.error)}`);
  return parsed.data as Envelope;
}

/** What zod found, on one line: `documentId: expected string; passageCount: too small`. */
export const faultsOf = (error: z.ZodError): string =>
  error.issues.map(({ path, message }) => `${path.join(".") || "data"}: ${message}`).join("; ");
