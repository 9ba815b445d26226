import { processSettings } from "@atrium/subgraph";
import { z } from "zod";
import { defaultTokens } from "./gateway";

const { ATRIUM_SECRET, HOST, LOG_LEVEL, METRICS_TOKEN, OTEL_EXPORTER_OTLP_ENDPOINT, SERVICE_URLS } =
  processSettings.shape;

const onOrOff = z.enum(["on", "off"]).transform((word) => word === "on");

/** `https://app.example.com,https://admin.example.com`; `localhost` for every port of the caller's own machine. */
const origins = z.string().transform((text, context) => {
  const entries = text
    .split(",")
    .map((entry) => entry.trim())
    .filter(Boolean);
  const origins = entries.filter((entry) => entry !== "localhost");
  for (const entry of origins)
    if (!URL.canParse(entry) || new URL(entry).origin !== entry)
      context.addIssue({ code: "custom", message: `"${entry}" is not an origin like https://app.example.com` });
  return { origins, localhost: origins.length < entries.length };
});

/** `/graphql/app=!audit,/graphql/partners=partners+public+!internal`: the tags of each path, those with `!` excluded. */
const contracts = z.string().transform((text, context) => {
  const paths = new Set<string>();
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map((entry) => {
      const fault = (message: string) => context.addIssue({ code: "custom", message: `"${entry}" ${message}` });
      const [path = "", tags = "", ...rest] = entry.split("=").map((part) => part.trim());
      if (!/^\/graphql\/[A-Za-z0-9_-]+$/.test(path) || rest.length > 0)
        fault("is not a path below /graphql and its tags, like /graphql/app=!internal");
      if (paths.has(path)) fault("is a path that has its tags already");
      paths.add(path);
      const named = tags.split("+").map((tag) => tag.trim());
      if (named.some((tag) => !/^!?[_A-Za-z][_A-Za-z0-9/-]*$/.test(tag))) fault("names no tags, like tag+!tag");
      return {
        path,
        include: named.filter((tag) => !tag.startsWith("!")),
        exclude: named.filter((tag) => tag.startsWith("!")).map((tag) => tag.slice(1)),
      };
    });
});

/** Which operations clients may send, where, and what they may cost, in either shape. */
export const operationsSettings = {
  OPERATIONS_MANIFEST: z
    .string()
    .optional()
    .describe("A file of the operations that clients are known to send: what `npm run operations -- publish` writes."),
  UNKNOWN_OPERATIONS: z
    .enum(["allow", "log", "refuse"])
    .default("allow")
    .transform((word) => word.toUpperCase() as "ALLOW" | "LOG" | "REFUSE")
    .describe("What becomes of operations that aren't in it: allow, log or refuse."),
  COST_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe("What one operation may cost, by @cost and @listSize; any without it."),
  COST_PER_MINUTE_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe("What one caller's operations may cost within a minute, at each gateway; any without it."),
  CONTRACTS: contracts
    .prefault("")
    .describe(
      "Parts of the graph at paths of their own, by tags: /graphql/app=!audit, or /graphql/x=tag+tag for those alone.",
    ),
};

/** The settings of a process that runs the gateway alone. */
export const gatewaySettings = z.object({
  ATRIUM_SECRET,
  SERVICE_URLS: SERVICE_URLS.unwrap().describe(
    "Where the services are: name=http://host:port, separated by commas; one entry per replica.",
  ),
  HOST,
  PORT: z.coerce.number().int().min(0).max(65_535).default(4000).describe("The port to listen on."),
  LOG_LEVEL,
  TOKEN_ISSUER: z
    .string()
    .min(1)
    .default(defaultTokens.issuer)
    .describe("The `iss` of access tokens, as identity has it."),
  TOKEN_AUDIENCE: z
    .string()
    .min(1)
    .default(defaultTokens.audience)
    .describe("The `aud` of access tokens, as identity has it."),
  TRUSTED_PROXIES: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .default(0)
    .describe("How many proxies of yours stand before the gateway: whose X-Forwarded-For entries count."),
  CORS_ORIGINS: origins
    .prefault("")
    .describe("Origins whose pages may call the API, separated by commas; localhost for any port. Its own always may."),
  INTROSPECTION: z
    .enum(["on", "off", "permitted"])
    .default("off")
    .transform((word) => (word === "permitted" ? word : word === "on"))
    .describe("Whether clients may read the schema: on or off, or permitted: what they may use of it."),
  EXPLORER: onOrOff.prefault("off").describe("Whether a browser gets an explorer at /graphql: on or off."),
  GATEWAY_EXECUTOR: z
    .enum(["own", "stock"])
    .default("own")
    .describe(
      "Who runs query plans: the gateway's own executor, or @apollo/gateway's, which has no subscriptions or @defer.",
    ),
  SLOW_OPERATION_MS: z.coerce
    .number()
    .int()
    .min(1)
    .default(5_000)
    .describe("Operations that take longer, in milliseconds, get a line of their own in the log."),
  ...operationsSettings,
  METRICS_TOKEN,
  OTEL_EXPORTER_OTLP_ENDPOINT,
  TRACES_SAMPLED: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe("The share of requests that is traced, 0 to 1, beside those whose client's trace is sampled already."),
});
