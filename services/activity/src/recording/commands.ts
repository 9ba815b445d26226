import { userSignedIn, workspaceDeleted, type Envelope } from "@atrium/events";
import { erasedAmong } from "@atrium/personal-data";
import { forgetLines, linesOf, pruneTimelines, tell } from "../activity/commands";
import type { Context, Tx } from "../context";
import { forgetDocuments, keepDocuments } from "../document/commands";
import { forgetInteractionsIn, pruneInteractions } from "../interaction/commands";
import { claim, countEvents, forgetSums, pruneMetrics } from "../metric/commands";
import { forgetPresence, notePresence, pruneActiveUsers } from "../presence/commands";
import { forgetRatings, keepRatings, pruneSatisfaction } from "../rating/commands";
import { changeTopic, type Changed } from "./change";
import { closeWorkspaces, type Place } from "./store";

const forgets = [forgetLines, forgetSums, forgetPresence, forgetRatings, forgetDocuments, forgetInteractionsIn];

type IsOpen = (place: { organizationId?: string | null; workspaceId?: string | null }) => boolean;
type RecordingContext = Pick<Context, "db" | "topics">;

/**
 * Makes of events what is made of them: lines, sums, presence, ratings, documents. A handful of statements, however many
 * events there are. An event that was recorded before changes nothing, whenever and in whichever batch it comes again.
 */
export async function recordEvents({ db: tx, topics }: RecordingContext, received: readonly Envelope[]): Promise<void> {
  const claimed = await claim(tx, received);
  if (claimed.length === 0) return;
  const isOpen = await closedOnes(tx, claimed);
  const lines = linesOf(claimed).filter(isOpen);
  // Whoever was erased stays so: what comes late of their acts is nobody's.
  const erased = await erasedAmong(tx, peopleOf(claimed, lines));
  await tell(tx, lines, erased);
  const envelopes = claimed
    .map(located)
    .filter(({ organizationid, workspaceid }) => isOpen({ organizationId: organizationid, workspaceId: workspaceid }));
  await countEvents(tx, envelopes);
  await notePresence(tx, envelopes, erased);
  await keepRatings(tx, envelopes);
  await keepDocuments(tx, envelopes);
  tx.afterCommit(() => announceChanges(topics, envelopes));
}

const peopleOf = (envelopes: readonly Envelope[], lines: ReturnType<typeof linesOf>): string[] => [
  ...new Set([
    ...envelopes.flatMap(({ actorid }) => actorid ?? []),
    ...lines.flatMap(({ actorId, personId }) => [actorId ?? [], personId ?? []].flat()),
  ]),
];

/** A person signs in before they stand anywhere; where the session begins is in the event, and there it counts. */
function located(envelope: Envelope): Envelope {
  if (envelope.type !== userSignedIn.type || envelope.organizationid) return envelope;
  const { organizationId, workspaceId } = userSignedIn.read(envelope.data);
  if (!organizationId) return envelope;
  return { ...envelope, organizationid: organizationId, ...(workspaceId && { workspaceid: workspaceId }) };
}

/**
 * Closes the workspaces that these events delete, and returns whether something belongs to none that is closed: nothing
 * of such a one is kept, neither from before nor from later.
 */
async function closedOnes(tx: Tx, envelopes: readonly Envelope[]): Promise<IsOpen> {
  const places = new Map<string, Place>();
  const closed: Place[] = [];
  for (const envelope of envelopes) {
    const { type, organizationid: organizationId, workspaceid, data } = located(envelope);
    const isDeletion = type === workspaceDeleted.type;
    const workspaceId = isDeletion ? workspaceDeleted.read(data).workspaceId : workspaceid;
    if (!organizationId || !workspaceId) continue;
    places.set(keyOf(organizationId, workspaceId), { organizationId, workspaceId });
    if (isDeletion) closed.push({ organizationId, workspaceId });
  }
  const gone = await closeWorkspaces(tx, { closed, places: [...places.values()] });
  for (const { organizationId, workspaceId } of closed)
    for (const forget of forgets) await forget(tx, organizationId, workspaceId);
  const goneKeys = new Set(gone.map(({ organizationId, workspaceId }) => keyOf(organizationId, workspaceId)));
  return ({ organizationId, workspaceId }) => !goneKeys.has(keyOf(organizationId ?? "", workspaceId ?? ""));
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

export const pruneTask = "pruneActivity";

/** Lets go of what is older than it is kept. */
export async function pruneActivity(ctx: Pick<Context, "settings" | "now">, service: Tx): Promise<void> {
  for (const prune of [pruneMetrics, pruneTimelines, pruneActiveUsers, pruneSatisfaction, pruneInteractions])
    await prune(ctx, service);
}
