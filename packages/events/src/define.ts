import { z } from "zod";
import { faultsOf, isEventType, sourceOf } from "./envelope";

/** Why an event wasn't appended. Nothing was written; the transaction it belonged to has to be rolled back. */
export class EventRefused extends Error {
  override readonly name = "EventRefused";
  constructor(
    readonly reason: "DATA" | "SIZE" | "TENANT",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An event that has been checked and not yet been appended. Only a definition makes one. */
export class EventDraft {
  // Nothing that merely looks like a draft is one.
  declare private readonly checked: true;

  private constructor(
    readonly type: string,
    readonly subject: string,
    readonly data: Readonly<Record<string, unknown>>,
  ) {}

  /** @internal */
  static of(type: string, subject: string, data: Record<string, unknown>): EventDraft {
    return new EventDraft(type, subject, Object.freeze(data));
  }
}

/** Makes drafts of one event type, and reads its data back. */
export interface EventDefinition<Shape extends z.ZodRawShape = z.ZodRawShape> {
  /** A draft of the event. Throws `EventRefused` when the data doesn't fit, unknown fields included. */
  (data: z.input<z.ZodObject<Shape>>): EventDraft;
  readonly type: string;
  readonly source: string;
  readonly schema: z.ZodObject<Shape>;
  /**
   * The data of a received event. Fields that this version doesn't know are left out, missing ones get their default;
   * so both sides may be a version apart. Throws when it doesn't fit.
   */
  read(data: unknown): z.output<z.ZodObject<Shape>>;
}

export type DataOf<Definition> = Definition extends EventDefinition<infer Shape> ? z.output<z.ZodObject<Shape>> : never;

const defined = new Set<string>();

/** Whether this version of the code knows the type, whoever handles it. */
export const isDefined = (type: string): boolean => defined.has(type);

/**
 * Declares an event: a fact in the past tense that its service announces. `subject` names the field that holds the id
 * of the object it is about.
 *
 * A type's fields change by addition alone, and an added field has a default, so that events from before can still be
 * read. Anything else is a new version, and both are announced while anybody listens to the old one.
 */
export function defineEvent<Shape extends z.ZodRawShape>(
  type: string,
  { subject, data }: { subject: keyof Shape & string; data: Shape },
): EventDefinition<Shape> {
  if (!isEventType(type)) throw new Error(`${type} isn't <service>.<noun>.<past tense>.v<version>.`);
  defined.add(type);
  const written = z.strictObject(data);
  const schema = z.object(data);

  const draft = (given: unknown) => {
    const parsed = written.safeParse(given);
    if (!parsed.success) throw new EventRefused("DATA", `${type} was refused. ${faultsOf(parsed.error)}`);
    const values = parsed.data as Record<string, unknown>;
    const subjectId = values[subject];
    if (typeof subjectId !== "string" || !/^[\x21-\x7e]{1,200}$/.test(subjectId))
      throw new EventRefused("DATA", `${type} was refused. ${subject}: must be the id of its subject`);
    return EventDraft.of(type, subjectId, values);
  };
  const read = (received: unknown) => {
    const parsed = schema.safeParse(received);
    if (!parsed.success) throw new Error(`The data of ${type} doesn't fit. ${faultsOf(parsed.error)}`);
    return parsed.data;
  };
  return Object.assign(draft, { type, source: sourceOf(type), schema, read }) as EventDefinition<Shape>;
}
