import pino, { type DestinationStream, type Logger } from "pino";
import { describeFault } from "./masking";

let output: DestinationStream | undefined;

/**
 * Standard output, written to once in a turn of the event loop: with many lines a second, the calls to the system are what
 * costs. A process that exits or crashes writes its last lines; one that is killed loses those of a turn.
 */
function standardOutput(): DestinationStream {
  const destination = pino.destination({ dest: 1, sync: true, minLength: 8_192 });
  process.once("exit", () => destination.flushSync());
  let isDue = false;
  const flush = () => {
    isDue = false;
    destination.flush();
  };
  return {
    write(line) {
      if (!isDue) setImmediate(flush);
      isDue = true;
      destination.write(line);
    },
  };
}

/** Structured lines on standard output. `LOG_LEVEL` is one of pino's (`info` unless told; `silent` for none). */
export function createLog(service: string, env: NodeJS.ProcessEnv = process.env): Logger {
  const wanted = env.LOG_LEVEL ?? "";
  const options = {
    level: wanted === "silent" || Object.hasOwn(pino.levels.values, wanted) ? wanted : "info",
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeFault },
  };
  return pino(options, (output ??= standardOutput()));
}
