import { EventEmitter } from "node:events";

// Tells the relays of this process that their service has appended something, so that they need not wait for the next
// poll. A relay in another process is told by NOTIFY (see leadership.ts); one that hears nothing still polls.
const bell = new EventEmitter().setMaxListeners(0);

export const announceAppended = (service: string): void => void bell.emit(service);

export function onAppended(service: string, listener: () => void): () => void {
  bell.on(service, listener);
  return () => void bell.off(service, listener);
}

/** Where the leader of a service listens for news from other processes. */
export const wakeChannel = (service: string): string => `events_${service}`;

/** The inbox group of a service's handler of everything. */
export const everyGroupOf = (service: string): string => `${service}.every`;

export const serviceOfGroup = (group: string): string => group.split(".")[0]!;
