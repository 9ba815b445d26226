import { setTimeout as wait } from "node:timers/promises";
import { CantTakeBack, recordedEvents, takeBackEvents, type Envelope, type InboxGroup } from "@atrium/events";
import type { ServiceHandle } from "./installation";
import { Refused } from "./refused";

// A service may have heard an event a moment before it is noted as published.
const lookAgainMs = 1_000;
// Topics are read by the clock of whoever published, which isn't the clock of whoever made the event.
export const clocksDifferMs = 60_000;

/**
 * Lets the service take back what it has made of events since `from`, and returns of how many. Refuses where something
 * of it couldn't be made again, because the service can't or because `history` doesn't have all of these events.
 */
export async function takeBack(
  { name, handle, groups }: { name: string; handle: ServiceHandle; groups: readonly InboxGroup[] },
  from: Date,
  history: () => AsyncIterable<Envelope[]>,
): Promise<number> {
  const recorded = await refusing(name, recordedEvents(handle, from));
  const lost = new Map(recorded);
  const keep = async () => {
    for await (const page of history())
      for (const { id, type } of page) if (groups.some(({ hears }) => hears(type))) lost.delete(id);
  };
  await keep();
  if (lost.size > 0) {
    await wait(lookAgainMs);
    await keep();
  }
  if (lost.size > 0) {
    const newest = [...lost.values()].reduce((a, b) => (a > b ? a : b));
    throw new Refused(
      `${name} has made something of ${recorded.size} events since ${from.toISOString()}, and ${lost.size} of them aren't ` +
        `kept any more, the newest of ${newest.toISOString()}: what it made of them would be lost. Nothing has changed.`,
    );
  }
  await refusing(name, takeBackEvents(handle, from));
  return recorded.size;
}

async function refusing<T>(service: string, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CantTakeBack) throw new Refused(`${service}: ${error.message}`, { cause: error });
    throw error;
  }
}
