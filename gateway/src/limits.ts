import { PublicError } from "@atrium/errors";
import { operationLimits, type OperationLimits } from "@atrium/subgraph";
import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from "graphql";
import { LRUCache } from "lru-cache";

export interface Limits {
  /** Of one GraphQL request's body. */
  bodyBytesMax: number;
  /** How long such a body may take to arrive. */
  bodyTimeoutMs: number;
  /** How long an operation may take. */
  operationTimeoutMs: number;
  /** What an operation may cost, decided before it is validated and planned. */
  operation: Partial<OperationLimits>;
  socket: {
    /** Of one message. */
    messageBytesMax: number;
    /** Messages of one socket within ten seconds. */
    messagesMax: number;
    /** Operations running on one socket at a time. */
    operationsMax: number;
    /** Sockets of one user. */
    perUserMax: number;
    /** Sockets of this process. */
    totalMax: number;
    /** What may wait for a client that doesn't read, before its socket is cut. */
    bufferedBytesMax: number;
    /** Events of one subscription that may wait for its client, before it is let go. */
    eventsMax: number;
    /** How long the service of a subscription may be away, before its subscribers are told. */
    serviceAwayMaxMs: number;
    /** How long a socket may stay open without saying who it is. */
    initTimeoutMs: number;
    /** How often a ping is sent; a client that doesn't answer until the next one is gone. */
    pingIntervalMs: number;
    /** How often an idle socket's session is checked. Before each event it is checked anyway. */
    sessionCheckIntervalMs: number;
  };
  /** Of subscriptions over HTTP. */
  stream: {
    /** Of one caller. */
    perCallerMax: number;
    /** Of this process. */
    totalMax: number;
    /** How often a word is sent where nothing happens, so that nothing in between takes the line for dead. */
    heartbeatMs: number;
  };
}

export const defaultLimits: Limits = {
  bodyBytesMax: 1024 * 1024,
  bodyTimeoutMs: 15_000,
  operationTimeoutMs: 30_000,
  operation: {},
  socket: {
    messageBytesMax: 256 * 1024,
    messagesMax: 500,
    operationsMax: 50,
    perUserMax: 20,
    totalMax: 20_000,
    bufferedBytesMax: 4 * 1024 * 1024,
    eventsMax: 1_000,
    serviceAwayMaxMs: 30_000,
    initTimeoutMs: 5_000,
    pingIntervalMs: 15_000,
    sessionCheckIntervalMs: 3_000,
  },
  stream: { perCallerMax: 50, totalMax: 20_000, heartbeatMs: 15_000 },
};

export type LimitOverrides = Partial<Omit<Limits, "socket" | "stream">> & {
  socket?: Partial<Limits["socket"]>;
  stream?: Partial<Limits["stream"]>;
};

export const withDefaults = (overrides: LimitOverrides = {}): Limits => ({
  ...defaultLimits,
  ...overrides,
  socket: { ...defaultLimits.socket, ...overrides.socket },
  stream: { ...defaultLimits.stream, ...overrides.stream },
});

export type OperationGate = ReturnType<typeof createOperationGate>;

const admittedMax = 2_000;
// Longer operations are rare; they are measured anew each time.
const rememberedCharactersMax = 10_000;
const parsedBytesMax = 16 * 1024 * 1024;
// A parsed document takes roughly this much memory for each character of its text.
const bytesPerCharacter = 120;

/** Turns away operations that would cost more than they are worth, before anything expensive is done with them. */
export function createOperationGate(overrides: Partial<OperationLimits>) {
  const { parse, checkShape, checkCost } = operationLimits(overrides);
  const admitted = new LRUCache<string, true>({ max: admittedMax });
  // Read to be admitted, and not yet asked for.
  const parsed = new LRUCache<string, DocumentNode>({
    maxSize: parsedBytesMax,
    sizeCalculation: (_, text) => text.length * bytesPerCharacter + 1_000,
  });

  function read(query: string): DocumentNode {
    const document = parse(query);
    checkShape(document);
    return document;
  }

  return {
    /** Throws `OPERATION_TOO_COMPLEX` by the text alone. Syntax errors pass: the parser proper describes them better. */
    admit(query: unknown): void {
      if (typeof query !== "string" || admitted.has(query)) return;
      try {
        parsed.set(query, read(query));
      } catch (error) {
        if (error instanceof PublicError && error.extensions.code === "BAD_USER_INPUT") return;
        throw error;
      }
      if (query.length <= rememberedCharactersMax) admitted.set(query, true);
    },
    /** What was admitted, parsed; what wasn't, within the same limits. Throws `BAD_USER_INPUT` too. */
    parse(query: string): DocumentNode {
      const known = parsed.get(query);
      parsed.delete(query);
      return known ?? read(query);
    },
    /** Throws `OPERATION_TOO_COMPLEX` by what the operation would answer with these variables. */
    checkCost: (
      schema: GraphQLSchema,
      document: DocumentNode,
      operation: OperationDefinitionNode,
      variables: Readonly<Record<string, unknown>>,
    ) => checkCost(schema, document, operation, variables),
  };
}
