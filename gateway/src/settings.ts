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

/** Which operations clients may send, and what they may cost, in either shape. */
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
});
