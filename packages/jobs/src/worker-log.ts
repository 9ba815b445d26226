import type { Log } from "@atrium/database";
import { Logger } from "graphile-worker";

/** The worker's own log. What happens to single jobs is ours to say: its texts come with stacks and without order. */
export function workerLog(log: Log): Logger {
  return new Logger(() => (level, message, meta) => {
    if (meta?.failure) return;
    const details = meta?.error ? { err: meta.error } : {};
    if (level === "error") log.error(details, `job worker: ${message}`);
    else if (level === "warning") log.warn(details, `job worker: ${message}`);
  });
}
