import pino, { type Logger } from "pino";

/** Structured lines on standard output. `LOG_LEVEL` is one of pino's (`info` unless told; `silent` for none). */
export function createLog(service: string, env: NodeJS.ProcessEnv = process.env): Logger {
  return pino({ level: env.LOG_LEVEL || "info", base: { service }, timestamp: pino.stdTimeFunctions.isoTime });
}
