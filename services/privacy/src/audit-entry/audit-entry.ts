import * as crypto from "node:crypto";

// One call instead of three; Node 20.19 has it, its typings don't.
const { hash: sha256Of } = crypto as unknown as { hash(algorithm: string, data: string, encoding: "hex"): string };

/** What was done, by whom, to what: one event of any service, in its place in the chain of its organization. */
export interface AuditEntry {
  /** The organization; empty for what belongs to none. */
  chain: string;
  number: number;
  recordedAt: Date;
  eventId: string;
  occurredAt: Date;
  /** The type of the event. */
  action: string;
  subject: string;
  actorId: string | null;
  /** What acted for that person: an API key's id, or a service's name. */
  agentId: string | null;
  workspaceId: string | null;
  outcome: Outcome;
  traceId: string | null;
  /** In hexadecimal, as the two that follow. */
  dataHash: string;
  previousHash: string;
  hash: string;
  /** Of the origin that it was recorded with. */
  originHash: string | null;
}

/** Where an entry's request came from; null once it is erased, or where nothing is known. */
export interface AuditOrigin {
  network: string | null;
  userAgent: string | null;
}

export const outcomes = {
  DONE: "It was done.",
  REFUSED: "It was tried, and refused.",
  FAILED: "It was tried, and failed.",
} as const;
export type Outcome = keyof typeof outcomes;

/** What an event's type says of how it went. */
export function outcomeOf(action: string): Outcome {
  if (/[._]refused\.v\d+$/.test(action)) return "REFUSED";
  return /[._]failed\.v\d+$/.test(action) ? "FAILED" : "DONE";
}

/** What is wrong with a chain, where it first is. */
export interface Broken {
  kind: BrokenKind;
  /** Of the entry. */
  number: number;
}

export const brokenKinds = {
  CHANGED: "The entry isn't what was recorded.",
  MISSING: "The entry isn't there.",
  REORDERED: "The entry stands where another one stood.",
  INSERTED: "The entry was put in, and never recorded.",
  REWRITTEN: "A signed checkpoint tells that entries from this one on aren't what was recorded.",
  CHECKPOINT_FORGED: "The checkpoint of this entry wasn't signed by this installation.",
  WITNESS_FORGED: "What is kept beside the database of how far the chain had come wasn't written by this installation.",
  HEAD_FORGED: "The record of where the chain ends wasn't made by this installation.",
} as const;
export type BrokenKind = keyof typeof brokenKinds;

/** What an entry's line is separated by: no id, type or number contains it. */
export const separator = "\u001f";

/** What the first entry of a chain stands after: each chain has its own beginning. */
export const genesisOf = (chain: string): string => sha256Of("sha256", `atrium audit chain v1\n${chain}`, "hex");

/**
 * An entry as it is hashed: everything that it says, in this order; the last two only where it has one of them, so that
 * entries from before there were any keep their hashes. The store makes the same of its row.
 */
export const lineOf = (entry: Omit<AuditEntry, "previousHash" | "hash">): string =>
  [
    entry.chain,
    entry.number,
    entry.recordedAt.getTime(),
    entry.eventId,
    entry.occurredAt.getTime(),
    entry.action,
    entry.subject,
    entry.actorId ?? "",
    entry.workspaceId ?? "",
    entry.outcome,
    entry.traceId ?? "",
    entry.dataHash,
    ...(entry.agentId || entry.originHash ? [entry.agentId ?? "", entry.originHash ?? ""] : []),
  ].join(separator);

/** SHA-256 of the hash before (in hexadecimal) and the line. */
export const hashAfter = (previousHash: string, line: string): string => sha256Of("sha256", previousHash + line, "hex");

/** SHA-256 of a salt (in hexadecimal) and an origin. */
export const hashOfOrigin = (salt: string, { network, userAgent }: AuditOrigin): string =>
  sha256Of("sha256", [salt, network ?? "", userAgent ?? ""].join(separator), "hex");

/** SHA-256 of an event's data, whatever order its fields came in. */
export const hashOfData = (data: unknown): string => sha256Of("sha256", canonical(data), "hex");

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}

/** An entry as it is read to be verified. */
export interface Link {
  number: number;
  previousHash: string;
  hash: string;
  line: string;
}

/** Follows a chain link by link, and says where it first isn't what was recorded. */
export class ChainWalk {
  private beforeLast: string | null = null;

  /** Begins behind the entry `number` with this hash; with the hash unknown, the first link's own word is taken for it. */
  constructor(
    public number: number,
    public hash: string | null,
  ) {}

  /** Takes the next link; what is wrong with it, or with the one before it, if anything is. */
  follow(link: Link): Broken | null {
    const expected = this.number + 1;
    // Two say that they are this one: none of them can be told from the other by its number.
    if (link.number < expected) return { kind: "INSERTED", number: link.number };
    if (link.number > expected) return { kind: "MISSING", number: expected };
    const follows = this.hash === null || link.previousHash === this.hash;
    const sound = hashAfter(link.previousHash, link.line) === link.hash;
    if (follows && sound) {
      this.beforeLast = this.hash;
      this.hash = link.hash;
      this.number = link.number;
      return null;
    }
    if (follows) return { kind: "CHANGED", number: expected };
    // It says that it stands where the one before it stands, which so was put in between.
    if (link.previousHash === this.beforeLast) return { kind: "INSERTED", number: this.number };
    // Sound in itself, and made after another entry than the one that is there now.
    if (sound) return { kind: "CHANGED", number: this.number };
    return { kind: "REORDERED", number: expected };
  }
}
