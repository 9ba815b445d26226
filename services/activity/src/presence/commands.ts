import { documentFailed, documentIngested, messageAnswered, messageRefused, type Envelope } from "@atrium/events";
import { daysBefore, floorTo, quarterMs } from "../calendar/calendar";
import type { Context, Tx } from "../context";
import { deletePresence, insertPresence, prunePresence } from "./store";

// What a service did later, in somebody's name.
const onBehalf = new Set([documentFailed, documentIngested, messageAnswered, messageRefused].map(({ type }) => type));

/** Notes who did something, and in which quarter of an hour: what active users are counted from. */
export const notePresence = (tx: Tx, envelopes: readonly Envelope[], erased: ReadonlySet<string>): Promise<void> =>
  insertPresence(
    tx,
    envelopes.flatMap(({ organizationid: organizationId, workspaceid = "", actorid: userId, time, type }) =>
      organizationId && userId && !erased.has(userId) && !onBehalf.has(type)
        ? [{ organizationId, workspaceId: workspaceid, userId, at: floorTo(new Date(time), quarterMs) }]
        : [],
    ),
  );

export const forgetPresence = deletePresence;

export const pruneActiveUsers = ({ settings, now }: Pick<Context, "settings" | "now">, service: Tx): Promise<void> =>
  prunePresence(service, daysBefore(now(), settings.ACTIVITY_HOURS_KEPT_DAYS));
