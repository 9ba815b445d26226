import { setMaxListeners } from "node:events";

/** How long one operation may go on: until its client leaves, or until its time is up. */
export interface OperationTime {
  /** Aborted by either. */
  signal: AbortSignal;
  /** Aborted when the time is up alone. */
  deadline: AbortSignal;
  clientLeft(): void;
  /** The operation has ended: nothing will be aborted any more. */
  stop(): void;
}

/** Without a limit, only the client's leaving ends it: so for subscriptions. */
export function startTime(timeoutMs?: number): OperationTime {
  const presence = new AbortController();
  const patience = new AbortController();
  const timeUp = () => {
    const late = new Error(`An operation may take ${timeoutMs} ms at the most.`);
    patience.abort(late);
    presence.abort(late);
  };
  // Each of an operation's fetches listens, and there may be many.
  setMaxListeners(0, presence.signal, patience.signal);
  const timer = timeoutMs === undefined ? undefined : setTimeout(timeUp, timeoutMs);
  return {
    signal: presence.signal,
    deadline: patience.signal,
    clientLeft: () => presence.abort(new Error("The client has gone.")),
    stop: () => clearTimeout(timer),
  };
}
