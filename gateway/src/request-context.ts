import type { Actor } from "@atrium/access";
import type { Logger } from "pino";

/** What every part behind the HTTP and WebSocket fronts knows of one request. */
export interface RequestContext {
  /** Who asks; from a mutation that signs somebody in on, that person. */
  actor: Actor;
  requestId: string;
  traceparent?: string;
  clientAddress?: string;
  userAgent?: string;
  /** Aborted when the client has gone or the time is up. */
  signal: AbortSignal;
  /** Aborted only when the time is up: what a mutation heeds, so that a closed tab doesn't cut it in two. */
  deadline: AbortSignal;
  log: Logger;
}
