import { AsyncLocalStorage } from "node:async_hooks";

/**
 * What a request says of itself besides whom it is for. The audit trail records it; nothing is decided by it, so it may
 * be ambient, unlike a tenant.
 */
export interface Cause {
  /** The API key or service that acts for the person; left out where people act themselves. */
  readonly agentId?: string;
  /** Where it came from, sealed by `originSeal`. Asked for when an event is appended. */
  origin?(): string | undefined;
}

const causes = new AsyncLocalStorage<Cause | undefined>();

/** Runs `work` as caused by a request. Without one, events that it appends are the service's own doing. */
export const causedBy = <T>(cause: Cause | undefined, work: () => T): T => causes.run(cause, work);

export const activeCause = (): Cause | undefined => causes.getStore();
