import type { Envelope } from "@atrium/events";
import { daysBefore } from "../calendar/calendar";
import type { Context, Tx } from "../context";
import type { Activity } from "./activity";
import { deleteLines, insertLines, pruneLines } from "./store";
import { lineOf } from "./telling";

/** Writes the lines that these events make where `isOpen`, in one statement however many they are. */
export const tellEvents = (
  tx: Tx,
  envelopes: readonly Envelope[],
  isOpen: (line: Activity) => boolean,
): Promise<void> => insertLines(tx, envelopes.flatMap((envelope) => lineOf(envelope) ?? []).filter(isOpen));

export const forgetLines = deleteLines;

/** Lets go of lines that are older than they are kept. */
export const pruneTimelines = ({ settings, now }: Pick<Context, "settings" | "now">, service: Tx): Promise<void> =>
  pruneLines(service, daysBefore(now(), settings.ACTIVITY_LINES_KEPT_DAYS));
