import { workspaceDeleted, type Envelope } from "@atrium/events";
import { forgetLines, pruneTimelines, tellEvents } from "../activity/commands";
import type { Context, Tx } from "../context";
import { forgetDocuments, keepDocuments } from "../document/commands";
import { forgetInteractionsIn, pruneInteractions } from "../interaction/commands";
import { claim, countEvents, forgetSums, pruneMetrics } from "../metric/commands";
import { forgetPresence, notePresence, pruneActiveUsers } from "../presence/commands";
import { forgetRatings, keepRatings, pruneSatisfaction } from "../rating/commands";
import { changeTopic, type Changed } from "./change";
import { closeWorkspaces, emptyAll, type Place } from "./store";

const forgets = [forgetLines, forgetSums, forgetPresence, forgetRatings, forgetDocuments, forgetInteractionsIn];

type RecordingContext = Pick<Context, "db" | "topics">;

/**
 * Makes of events what is made of them: lines, sums, presence, ratings, documents. A handful of statements, however many
 * events there are. An event that was recorded before changes nothing, whenever and in whichever batch it comes again.
 */
export async function recordEvents({ db: tx, topics }: RecordingContext, received: readonly Envelope[]): Promise<void> {
  const envelopes = await ofOpenWorkspaces(tx, await claim(tx, received));
  if (envelopes.length === 0) return;
  await tellEvents(tx, envelopes);
  await countEvents(tx, envelopes);
  await notePresence(tx, envelopes);
  await keepRatings(tx, envelopes);
  await keepDocuments(tx, envelopes);
  tx.afterCommit(() => announceChanges(topics, envelopes));
}

/** Without those of workspaces that were deleted, of which nothing is kept: neither from before nor from later. */
async function ofOpenWorkspaces(tx: Tx, envelopes: readonly Envelope[]): Promise<readonly Envelope[]> {
  if (envelopes.length === 0) return envelopes;
  const places = new Map<string, Place>();
  const closed: Place[] = [];
  for (const { type, organizationid: organizationId, workspaceid, data } of envelopes) {
    const isDeletion = type === workspaceDeleted.type;
    const workspaceId = isDeletion ? workspaceDeleted.read(data).workspaceId : workspaceid;
    if (!organizationId || !workspaceId) continue;
    places.set(keyOf(organizationId, workspaceId), { organizationId, workspaceId });
    if (isDeletion) closed.push({ organizationId, workspaceId });
  }
  const gone = await closeWorkspaces(tx, { closed, places: [...places.values()] });
  if (gone.length === 0) return envelopes;
  for (const { organizationId, workspaceId } of closed)
    for (const forget of forgets) await forget(tx, organizationId, workspaceId);
  const goneKeys = new Set(gone.map(({ organizationId, workspaceId }) => keyOf(organizationId, workspaceId)));
  return envelopes.filter(
    ({ organizationid = "", workspaceid = "" }) => !goneKeys.has(keyOf(organizationid, workspaceid)),
  );
}

const keyOf = (organizationId: string, workspaceId: string) => `${organizationId} ${workspaceId}`;

/** Tells whoever watches a dashboard, in whichever replica. */
function announceChanges(topics: Context["topics"], envelopes: readonly Envelope[]): void {
  const changed = new Map<string, Set<string>>();
  for (const { organizationid, workspaceid = "" } of envelopes) {
    if (!organizationid) continue;
    changed.set(organizationid, (changed.get(organizationid) ?? new Set()).add(workspaceid));
  }
  for (const [organizationId, workspaceIds] of changed)
    topics.publish(changeTopic(organizationId), { workspaceIds: [...workspaceIds] } satisfies Changed);
}

/**
 * Empties everything that is made of events, to be made again of the same events. What comes meanwhile is recorded, and
 * recognized when it comes again.
 */
export const forgetRecorded = (service: Tx): Promise<void> => service.transaction(emptyAll);

export const pruneTask = "pruneActivity";

/** Lets go of what is older than it is kept. */
export async function pruneActivity(ctx: Pick<Context, "settings" | "now">, service: Tx): Promise<void> {
  for (const prune of [pruneMetrics, pruneTimelines, pruneActiveUsers, pruneSatisfaction, pruneInteractions])
    await prune(ctx, service);
}
