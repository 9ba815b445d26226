import { GraphQLError } from "graphql";
import { LRUCache } from "lru-cache";
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Logger } from "pino";
import { z } from "zod";
import type { ClientRequest, OperationParams } from "../client-request";
import { RequestRefused } from "../endpoint";

/** The format in which Apollo's tools write a client's operations. */
const manifestSchema = z.object({
  format: z.literal("apollo-persisted-query-manifest"),
  version: z.literal(1),
  operations: z.array(
    z.object({
      id: z.string().min(1),
      name: z.string().nullish(),
      type: z.enum(["query", "mutation", "subscription"]).optional(),
      body: z.string().min(1),
      clientName: z.string().nullish(),
    }),
  ),
});
export type Manifest = z.infer<typeof manifestSchema>;

export interface PersistedOptions {
  /** Whether clients may store a text under its hash (automatic persisted queries). */
  automatic: boolean;
  /** A manifest of the operations that clients are known to send; read again when it changes. */
  manifest?: string;
  /** What becomes of an operation that isn't in the manifest. */
  unknown: "ALLOW" | "LOG" | "REFUSE";
  watchMs: number;
  log: Logger;
}

export interface PersistedOperations {
  /** The text that a request means. Throws `RequestRefused`. */
  textOf(params: OperationParams, request: Pick<ClientRequest, "client" | "log">): string;
  /** The text itself, if this client may send it. Throws `RequestRefused`. */
  checked(text: string, request: Pick<ClientRequest, "client" | "log">): string;
  /** What the manifest has under an id, whoever's it is. */
  bodyOf(id: string): string | undefined;
  /** What clients have stored by its SHA-256, whichever front took it. */
  stored: { get(id: string): string | undefined; set(id: string, text: string): void };
  close(): void;
}

const storedBytesMax = 8 * 1024 * 1024;
const sha256 = /^[0-9a-f]{64}$/;

/** Parses a manifest; throws naming what is wrong with it. */
export function readManifest(text: string, place: string): Manifest {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new Error(`${place} isn't JSON: ${(error as Error).message}`);
  }
  const parsed = manifestSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join(".") || "the file"}: ${message}`,
  );
  throw new Error(`${place} is no manifest of persisted operations:\n${faults.map((each) => `  ${each}`).join("\n")}`);
}

interface Known {
  byId: Map<string, Manifest["operations"]>;
  bodies: Map<string, Manifest["operations"]>;
}

/** Operations by their ids: those of a manifest, and those that clients have stored by their SHA-256. */
export function openPersistedOperations(o: PersistedOptions): PersistedOperations {
  const stored = new LRUCache<string, string>({
    maxSize: storedBytesMax,
    sizeCalculation: (text) => text.length * 2 + 200,
  });
  if (o.manifest === undefined && o.unknown !== "ALLOW")
    throw new Error("A manifest says which operations are known, and there is none: unknown ones would pass.");
  let seen = "";
  let known: Known | null = null;
  if (o.manifest !== undefined) {
    known = load(o.manifest);
    seen = stateOf(o.manifest);
  }
  const timer =
    o.manifest === undefined
      ? undefined
      : setInterval(() => {
          try {
            const state = stateOf(o.manifest!);
            if (state === seen) return;
            seen = state;
            known = load(o.manifest!);
            o.log.info({ operations: known.byId.size }, "A new manifest of operations is in force.");
          } catch (error) {
            o.log.error({ fault: (error as Error).message }, "The new manifest is refused; the old one is in force.");
          }
        }, o.watchMs).unref();

  /** Whether one of the entries is this client's: of no client in particular, or by its name. */
  const ofClient = (entries: Manifest["operations"] | undefined, client: string | undefined) =>
    entries?.find(({ clientName }) => clientName === undefined || clientName === null || clientName === client);

  function checked(text: string, { client, log }: Pick<ClientRequest, "client" | "log">): string {
    if (!known || o.unknown === "ALLOW" || ofClient(known.bodies.get(text), client.name)) return text;
    if (o.unknown === "LOG") {
      const hash = createHash("sha256").update(text).digest("hex");
      log.warn({ hash, client: client.name }, "An operation that isn't in the manifest.");
      return text;
    }
    throw refusal("OPERATION_NOT_SAFELISTED", "This operation isn't among those that this client may send.", 403);
  }

  return {
    checked,
    bodyOf: (id) => known?.byId.get(id)?.[0]?.body,
    stored: { get: (id) => stored.get(id), set: (id, text) => void stored.set(id, text) },
    textOf({ query, extensions }, request) {
      const given = extensions?.["persistedQuery"];
      if (given === undefined || given === null) {
        if (query === undefined || query.trim() === "")
          throw refusal("BAD_REQUEST", 'Send an operation as "query", or its id as extensions.persistedQuery.', 400);
        return checked(query, request);
      }
      const { version, sha256Hash: id } = given as { version?: unknown; sha256Hash?: unknown };
      if (version !== 1 || typeof id !== "string")
        throw refusal("BAD_REQUEST", "extensions.persistedQuery has to have version 1 and a sha256Hash.", 400);
      const listed = ofClient(known?.byId.get(id), request.client.name);
      if (listed) return listed.body;
      if (!o.automatic || (known && o.unknown === "REFUSE"))
        throw known && o.unknown === "REFUSE"
          ? refusal("OPERATION_NOT_SAFELISTED", "This operation isn't among those that this client may send.", 403)
          : refusal("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported", 200);
      if (query === undefined) {
        const text = stored.get(id);
        if (text === undefined) throw refusal("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound", 200);
        return checked(text, request);
      }
      if (!sha256.test(id) || createHash("sha256").update(query).digest("hex") !== id)
        throw refusal("BAD_REQUEST", "extensions.persistedQuery.sha256Hash isn't the SHA-256 of the query.", 400);
      const text = checked(query, request);
      stored.set(id, text);
      return text;
    },
    close: () => clearInterval(timer),
  };
}

const stateOf = (file: string): string => {
  const { mtimeMs, size, ino } = statSync(file);
  return `${mtimeMs} ${size} ${ino}`;
};

function load(file: string): Known {
  const known: Known = { byId: new Map(), bodies: new Map() };
  const add = (to: Map<string, Manifest["operations"]>, key: string, operation: Manifest["operations"][number]) => {
    const same = to.get(key);
    if (same) same.push(operation);
    else to.set(key, [operation]);
  };
  for (const operation of readManifest(readFileSync(file, "utf8"), file).operations) {
    add(known.byId, operation.id, operation);
    add(known.bodies, operation.body, operation);
  }
  return known;
}

const refusal = (code: string, message: string, status: number) =>
  new RequestRefused([new GraphQLError(message, { extensions: { code, http: { status } } })]);
