import pino, { type Logger } from "pino";
import { describeFault } from "./masking";

/** Structured lines on standard output. `LOG_LEVEL` is one of pino's (`info` unless told; `silent` for none). */
export function createLog(service: string, env: NodeJS.ProcessEnv = process.env): Logger {
  const wanted = env.LOG_LEVEL ?? "";
  return pino({
    level: wanted === "silent" || Object.hasOwn(pino.levels.values, wanted) ? wanted : "info",
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeFault },
  });
}
