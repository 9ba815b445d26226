import type { Envelope } from "@atrium/events";
import { daysBefore } from "../calendar/calendar";
import type { Context, Tx } from "../context";
import { withoutPeople, type Activity } from "./activity";
import { deleteLines, insertLines, pruneLines } from "./store";
import { lineOf } from "./telling";

/** The lines that these events make. */
export const linesOf = (envelopes: readonly Envelope[]): Activity[] =>
  envelopes.flatMap((envelope) => lineOf(envelope) ?? []);

/** Writes lines, in one statement however many they are; of people who were erased, as nobody's. */
export const tell = (tx: Tx, lines: readonly Activity[], erased: ReadonlySet<string>): Promise<void> =>
  insertLines(
    tx,
    lines.flatMap((line) => withoutPeople(line, erased) ?? []),
  );

export const forgetLines = deleteLines;

/** Lets go of lines that are older than they are kept. */
export const pruneTimelines = ({ settings, now }: Pick<Context, "settings" | "now">, service: Tx): Promise<void> =>
  pruneLines(service, daysBefore(now(), settings.ACTIVITY_LINES_KEPT_DAYS));
