import { messageRated, type Envelope } from "@atrium/events";
import { daysBefore } from "../calendar/calendar";
import type { Context, Tx } from "../context";
import { deleteRatings, pruneRatings, saveRatings, type Rated } from "./store";

/** Keeps the last rating of each answer: whoever changes their mind counts once, as they think now. */
export function keepRatings(tx: Tx, envelopes: readonly Envelope[]): Promise<void> {
  const last = new Map<string, Rated>();
  for (const { id, type, organizationid, workspaceid, time, data } of envelopes) {
    if (type !== messageRated.type || !organizationid || !workspaceid) continue;
    const { messageId, rating } = messageRated.read(data);
    if ((last.get(messageId)?.eventId ?? "") > id) continue;
    last.set(messageId, {
      messageId,
      organizationId: organizationid,
      workspaceId: workspaceid,
      rating,
      eventId: id,
      ratedAt: new Date(time),
    });
  }
  return saveRatings(tx, [...last.values()]);
}

export const forgetRatings = deleteRatings;

export const pruneSatisfaction = ({ settings, now }: Pick<Context, "settings" | "now">, service: Tx): Promise<void> =>
  pruneRatings(service, daysBefore(now(), settings.ACTIVITY_HOURS_KEPT_DAYS));
