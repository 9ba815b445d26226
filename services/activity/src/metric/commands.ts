import type { Envelope } from "@atrium/events";
import type { Context, Tx } from "../context";
import { daysBefore } from "../calendar/calendar";
import { countsOf } from "./counting";
import { sumsOf } from "./metric";
import { addSums, claimEvents, deleteSums, forgetCountedEvents, pruneSums } from "./store";

/** Those of the events that nobody has recorded yet. From now on they are: who asks again gets them no more. */
export async function claim(tx: Tx, envelopes: readonly Envelope[]): Promise<Envelope[]> {
  const fresh = await claimEvents(
    tx,
    envelopes.map(({ id }) => id),
    envelopes.map(({ time }) => time),
  );
  // The same id twice in one batch is one event.
  return envelopes.filter(({ id }) => fresh.delete(id));
}

/** Adds events that were claimed to the sums, in one statement however many they are. */
export const countEvents = (tx: Tx, envelopes: readonly Envelope[]): Promise<void> =>
  addSums(tx, sumsOf(envelopes.flatMap(countsOf)));

export const forgetSums = deleteSums;

/** Lets go of sums that are older than their grain is kept, and of the ids of events that can't come again. */
export async function pruneMetrics({ settings, now }: Pick<Context, "settings" | "now">, service: Tx): Promise<void> {
  const at = now();
  await pruneSums(service, "MINUTE", daysBefore(at, settings.ACTIVITY_MINUTES_KEPT_DAYS));
  await pruneSums(service, "QUARTER", daysBefore(at, settings.ACTIVITY_HOURS_KEPT_DAYS));
  await pruneSums(service, "DAY", daysBefore(at, settings.ACTIVITY_DAYS_KEPT_DAYS));
  await forgetCountedEvents(service, daysBefore(at, settings.ACTIVITY_REPETITIONS_KEPT_DAYS));
}
