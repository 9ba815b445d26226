import { operationsSettings } from "@atrium/gateway";
import { parseSettings, processSettings } from "@atrium/subgraph";
import path from "node:path";
import { z } from "zod";

/** The checkout; relative folders are meant from here, wherever the command was given. */
export const root = path.resolve(__dirname, "../../..");

const { LOG_LEVEL, METRICS_TOKEN, OTEL_EXPORTER_OTLP_ENDPOINT } = processSettings.shape;

/** The settings of the embedded shape. Each service has its own beside them, none of which is required. */
export const embeddedSettings = z.object({
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(4000)
    .describe("The port of the one endpoint; 0 takes a free one."),
  HOST: z.string().default("localhost").describe("The address to listen on; 0.0.0.0 for every interface."),
  PUBLIC_URL: z.url().optional().describe("How clients reach it where that isn't http://HOST:PORT: a proxy in front."),
  ATRIUM_DATA: z.string().default(".atrium").describe("The folder that holds everything this installation stores."),
  ATRIUM_DEMO: z.enum(["on", "off"]).default("on").describe("Whether the first start makes a demonstration."),
  LOG_LEVEL: LOG_LEVEL.unwrap().default("warn").describe("How much is logged."),
  ...operationsSettings,
  METRICS_TOKEN: METRICS_TOKEN.describe("What Prometheus sends as its bearer token; without one, /metrics is open."),
  OTEL_EXPORTER_OTLP_ENDPOINT,
});

export type EmbeddedSettings = z.output<typeof embeddedSettings>;

export function readSettings(env: NodeJS.ProcessEnv): EmbeddedSettings {
  const settings = parseSettings(embeddedSettings, env);
  return { ...settings, ATRIUM_DATA: path.resolve(root, settings.ATRIUM_DATA) };
}
