import { LRUCache } from "lru-cache";
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isIncremental, type Answer, type Engine, type Prepared } from "../execution/engine";
import type { BareRequest } from "./bare-request";

/** Alike for callers of whom the subgraphs are told the same, and who may see the same. */
export type SharingKey = (request: Pick<BareRequest, "headers" | "claimsKey">) => string;

// What an answer takes in memory for each character of its text, roughly.
const bytesPerCharacter = 4;

/** How long an answer may be kept by whomever: the shortest time that a subgraph with a part in it allows. */
export class CachePolicy {
  #seconds: number | null = null;

  /** What one more subgraph allows. */
  restrict(seconds: number): void {
    this.#seconds = this.#seconds === null ? seconds : Math.min(this.#seconds, seconds);
  }

  /** What nobody has allowed stays forbidden. */
  restrictTo(seconds: number): void {
    if (this.#seconds !== null) this.restrict(seconds);
  }

  /** Zero for what nobody may share. */
  get publicSeconds(): number {
    return this.#seconds ?? 0;
  }
}

/**
 * For how long a subgraph's answer may be shared, by its `Cache-Control` (RFC 9111), which servers make of `@cacheControl`
 * hints: not at all where it doesn't say so.
 */
export function publicSecondsIn({ "cache-control": header, age, vary }: IncomingHttpHeaders): number {
  const directives = new Map(
    (header ?? "").split(",").map((each) => {
      const [name, value = ""] = each.trim().toLowerCase().split("=");
      return [name!, value.replaceAll('"', "")] as const;
    }),
  );
  const isShared =
    directives.has("public") && !["private", "no-store", "no-cache"].some((name) => directives.has(name));
  // It may differ by a header that isn't part of our key.
  if (!isShared || vary === "*") return 0;
  const seconds = Number(directives.get("s-maxage") ?? directives.get("max-age")) - Number(age ?? 0);
  return Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
}

/**
 * An engine that keeps whole answers to queries which every subgraph calls public. They are shared by callers of whom the
 * subgraphs are told the same; what a caller may not see isn't in the operation that gets here.
 */
export function withResponseCache(
  engine: Engine<BareRequest>,
  o: { bytes: number; maxAgeSeconds: number; sharingKey: SharingKey },
): Engine<BareRequest> {
  const kept = new LRUCache<string, { answer: Answer; size: number }>({
    maxSize: o.bytes,
    maxEntrySize: Math.ceil(o.bytes / 16),
    sizeCalculation: ({ size }) => size,
  });

  function keyOf({ operation }: Prepared, variables: Readonly<Record<string, unknown>>, request: BareRequest): string {
    const asked = JSON.stringify([operation.key, operation.name, variables, o.sharingKey(request)]);
    return createHash("sha256").update(asked).digest("base64url");
  }
  function find(key: string, { policy }: BareRequest): Answer | undefined {
    const found = kept.get(key);
    if (!found) return undefined;
    policy.restrict(Math.floor(kept.getRemainingTTL(key) / 1_000));
    return found.answer;
  }
  function keep(key: string, answer: Answer, { policy }: BareRequest): void {
    if (answer.errors) return policy.restrict(0);
    policy.restrictTo(o.maxAgeSeconds);
    if (policy.publicSeconds === 0) return;
    const size = JSON.stringify(answer).length * bytesPerCharacter;
    kept.set(key, { answer, size }, { ttl: policy.publicSeconds * 1_000 });
  }

  return {
    ...engine,
    async execute(prepared, variables, request) {
      if (prepared.operation.type !== "query") return engine.execute(prepared, variables, request);
      const key = keyOf(prepared, variables, request);
      const found = find(key, request);
      if (found) return found;
      const answer = await engine.execute(prepared, variables, request);
      keep(key, answer, request);
      return answer;
    },
    async executeIncrementally(prepared, variables, request) {
      if (prepared.operation.type !== "query") return engine.executeIncrementally(prepared, variables, request);
      const key = keyOf(prepared, variables, request);
      const found = find(key, request);
      if (found) return found;
      const answer = await engine.executeIncrementally(prepared, variables, request);
      if (!isIncremental(answer)) keep(key, answer, request);
      return answer;
    },
  };
}
