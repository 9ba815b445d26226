import type { Envelope } from "@atrium/events";
import { daysBefore, floorTo, quarterMs } from "../calendar/calendar";
import type { Context, Tx } from "../context";
import { deletePresence, insertPresence, prunePresence } from "./store";

/** Notes who did something, and in which quarter of an hour: what active users are counted from. */
export const notePresence = (tx: Tx, envelopes: readonly Envelope[]): Promise<void> =>
  insertPresence(
    tx,
    envelopes.flatMap(({ organizationid, workspaceid = "", actorid, time }) =>
      organizationid && actorid
        ? [
            {
              organizationId: organizationid,
              workspaceId: workspaceid,
              userId: actorid,
              at: floorTo(new Date(time), quarterMs),
            },
          ]
        : [],
    ),
  );

export const forgetPresence = deletePresence;

export const pruneActiveUsers = ({ settings, now }: Pick<Context, "settings" | "now">, service: Tx): Promise<void> =>
  prunePresence(service, daysBefore(now(), settings.ACTIVITY_HOURS_KEPT_DAYS));
