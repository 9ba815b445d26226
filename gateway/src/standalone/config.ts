import path from "node:path";
import { z } from "zod";
import { readConfigFile } from "./config-file";
import { algorithms } from "./json-web-token";

const milliseconds = (ms: number) => z.number().int().min(1).max(3_600_000).default(ms);
const count = (initial: number) => z.number().int().min(1).default(initial);
const origin = z.union([
  z.literal("*"),
  z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text, {
    message: "an origin is like https://app.example.com, without a path",
  }),
]);
const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "is no header's name");

// RFC 9110 5.5. What comes from a file often ends with a line break, and no request could be sent with it.
const headerValue = z
  .string()
  .regex(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/, "is no header's value");

/** What goes to subgraphs beside the operation. Nothing of the client's does unless a rule says so. */
const headerRule = z.union(
  [
    z.strictObject({
      propagate: headerName.describe("A header of the client's, passed on under its own name or `as` another."),
      as: headerName.optional(),
      default: headerValue.optional().describe("What is sent when the client sent none."),
    }),
    z.strictObject({ insert: headerName, value: headerValue }),
    z.strictObject({ remove: headerName.describe("Takes back what an earlier rule, for all subgraphs, has added.") }),
  ],
  { error: "is one of `propagate` (with `as`, `default`), `insert` with a text as its `value`, and `remove`" },
);
export type HeaderRule = z.infer<typeof headerRule>;

const subgraph = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("Where it is, if not where the supergraph says."),
    subscriptionProtocol: z
      .enum(["ws", "sse"])
      .default("ws")
      .describe("How it sends events: `graphql-transport-ws`, or server-sent events in distinct connections mode."),
    subscriptionUrl: z
      .url({ protocol: /^(ws|http)s?$/ })
      .optional()
      .describe("Where it sends them, if not at its own address."),
    headers: z.array(headerRule).default([]),
    timeoutMs: milliseconds(30_000).optional(),
  })
  .refine(({ subscriptionProtocol: by, subscriptionUrl: at }) => !at || /^ws/.test(at) === (by === "ws"), {
    message: "begins with ws: or wss: for the protocol ws, with http: or https: for sse",
    path: ["subscriptionUrl"],
  });

/** The bare gateway's configuration file (YAML or JSON). */
export const configSchema = z
  .strictObject({
    port: z.number().int().min(0).max(65_535).default(4000),
    host: z.string().default("127.0.0.1"),
    path: z.string().startsWith("/").default("/graphql"),
    introspection: z
      .union([z.boolean(), z.literal("permitted")])
      .default(false)
      .describe("Whether callers may read the schema; `permitted` shows each only what they may use."),
    exposePlan: z.boolean().default(false).describe("Whether `apollo-expose-query-plan: true` gets the plan."),
    explorer: z.boolean().optional().describe("Whether a browser gets a page to try operations; as `introspection`."),
    cors: z
      .strictObject({
        origins: z.array(origin).default([]).describe("Of other pages that may send operations; `*` for any."),
        credentials: z.boolean().default(false).describe("Whether they may send cookies."),
      })
      .refine(({ origins, credentials }) => !credentials || !origins.includes("*"), {
        message: "any page may not send its visitors' cookies: name the origins",
      })
      .prefault({}),
    trustedProxies: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe("Proxies of one's own in front: the caller's address is what the outermost wrote to X-Forwarded-For."),
    csrfPrevention: z.boolean().default(true),
    compression: z.boolean().default(true),
    headers: z.array(headerRule).default([]).describe("For all subgraphs."),
    subgraphs: z.record(z.string(), subgraph).default({}),
    authentication: z
      .strictObject({
        jwks: z.string().describe("The address or file of the JSON Web Key Set."),
        issuer: z.string().optional(),
        audience: z.string().optional(),
        algorithms: z.array(z.enum(algorithms)).min(1).default(["ES256", "RS256"]),
        required: z.boolean().default(false).describe("Whether a request without a token is refused."),
        scopesClaim: z.string().default("scope"),
        policiesClaim: z.string().optional().describe("The claim that lists the policies that its bearer satisfies."),
        refreshMs: milliseconds(60_000),
      })
      .optional(),
    authorization: z
      .strictObject({
        refuseWhole: z
          .boolean()
          .default(false)
          .describe("Whether an operation that asks for anything that its caller may not see isn't run at all."),
      })
      .prefault({}),
    contracts: z
      .array(
        z
          .strictObject({
            path: z.string().startsWith("/"),
            include: z.array(z.string()).default([]),
            exclude: z.array(z.string()).default([]),
          })
          .refine(({ include, exclude }) => include.length + exclude.length > 0, {
            message: "a contract includes or excludes something by its tags",
            path: ["include"],
          }),
      )
      .default([])
      .describe("Parts of the graph, by its `@tag`s, each served on a path of its own."),
    limits: z
      .strictObject({
        bodyBytes: count(1024 * 1024),
        bodyTimeoutMs: milliseconds(15_000),
        operationTimeoutMs: milliseconds(30_000),
        characters: count(100_000),
        tokens: count(10_000),
        nesting: count(50),
        depth: count(30),
        aliases: count(200),
        fields: count(2_000),
        rootFields: count(50),
        directives: count(100),
        operations: count(50),
        batch: z.number().int().min(0).default(0).describe("Operations in one HTTP request; 0 turns batches off."),
      })
      .prefault({}),
    persistedOperations: z
      .strictObject({
        automatic: z.boolean().default(true).describe("Whether clients may store texts under their SHA-256."),
        manifest: z.string().optional().describe("A file of the operations that clients are known to send."),
        unknown: z
          .enum(["ALLOW", "LOG", "REFUSE"])
          .default("ALLOW")
          .describe("What becomes of operations that aren't in it."),
      })
      .refine(({ manifest, unknown }) => manifest !== undefined || unknown === "ALLOW", {
        message: "is what says which operations are known",
        path: ["manifest"],
      })
      .prefault({}),
    demandControl: z
      .strictObject({
        mode: z
          .enum(["MEASURE", "ENFORCE"])
          .default("MEASURE")
          .describe("MEASURE refuses nothing, and logs what ENFORCE would."),
        costMax: count(10_000).describe("Of one operation, as it is estimated."),
        costPerMinuteMax: z
          .number()
          .int()
          .min(1)
          .optional()
          .describe("Of one caller within a minute; counted by each process for itself, and only where enforced."),
        listSize: count(10).describe("What a list is taken to hold that doesn't say."),
      })
      .optional()
      .describe("Costs by @cost and @listSize; a request with `expose-cost: true` is told them."),
    traffic: z
      .strictObject({
        timeoutMs: milliseconds(30_000),
        connections: count(100),
        concurrency: count(500),
        waiting: count(1_000),
        retries: z.number().int().min(0).max(10).default(2),
        answerBytes: count(32 * 1024 * 1024),
        sharedFetches: z
          .boolean()
          .default(true)
          .describe("Whether a query to a subgraph isn't sent again while the same one, for the same headers, runs."),
      })
      .prefault({}),
    planner: z
      .strictObject({
        waiting: count(500),
        waitingPerCaller: count(50),
        planningMs: milliseconds(3_000),
        cacheBytes: count(32 * 1024 * 1024),
      })
      .prefault({}),
    subscriptions: z
      .strictObject({
        enabled: z.boolean().default(true),
        perCaller: count(1_000),
        queued: count(1_000).describe("Events that wait for a slow client before it is let go."),
        heartbeatMs: milliseconds(15_000),
        awayMs: milliseconds(60_000).describe("How long a subgraph may be away before its subscribers are told."),
      })
      .prefault({}),
    responseCache: z
      .strictObject({
        enabled: z.boolean().default(false),
        bytes: count(32 * 1024 * 1024),
        maxAgeSeconds: count(3_600).describe("The longest that an answer is kept, whatever subgraphs allow."),
      })
      .prefault({})
      .describe("Keeps answers of which every subgraph says `Cache-Control: public, max-age=…`."),
    telemetry: z
      .strictObject({
        metrics: z
          .boolean()
          .default(true)
          .describe("Whether operations and fetches are counted, and `/metrics` says so."),
        slowOperationMs: milliseconds(5_000).optional(),
        otlpEndpoint: z.url({ protocol: /^https?$/ }).optional(),
        sampling: z.number().min(0).max(1).default(0.01).describe("The share of requests that are traced."),
        logLevel: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
      })
      .prefault({}),
    watchMs: milliseconds(2_000),
  })
  .superRefine((config, context) => {
    const taken = new Set([config.path, "/health", "/ready", "/metrics"]);
    for (const [index, contract] of config.contracts.entries()) {
      if (taken.has(contract.path))
        context.addIssue({
          code: "custom",
          message: `something else is served at ${contract.path}`,
          path: ["contracts", index, "path"],
        });
      taken.add(contract.path);
    }
  })
  .describe("atrium-gateway");

export type Config = z.infer<typeof configSchema>;

/**
 * Reads a configuration; the defaults without one. Files that it names are found from where it lies. Throws `ConfigError`,
 * naming every fault at once.
 */
export function readConfig(file: string | undefined, env?: NodeJS.ProcessEnv): Config {
  if (file === undefined) return configSchema.parse({});
  const config = readConfigFile(file, configSchema, env);
  const { authentication, persistedOperations } = config;
  const found = (place: string) => (/^https?:/.test(place) ? place : path.resolve(path.dirname(file), place));
  if (authentication) authentication.jwks = found(authentication.jwks);
  if (persistedOperations.manifest !== undefined) persistedOperations.manifest = found(persistedOperations.manifest);
  return config;
}
