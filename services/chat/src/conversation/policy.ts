import { may, requirePermission, requireSignedIn, type Actor, type SignedInActor } from "@atrium/access";
import type { Conversation } from "./conversation";

/** Whether the actor takes part in the conversation, where it stands. */
export const takesPart = (actor: Actor, { participantId, participantKind }: Conversation): boolean =>
  (actor.kind === "GUEST" || actor.kind === "USER" || actor.kind === "API_KEY") &&
  actor.userId === participantId &&
  (actor.kind === "GUEST") === (participantKind === "GUEST");

/** A guest sees its own conversations; a member also those of others, with the right to read them. */
export const maySee = (actor: Actor, conversation: Conversation): boolean =>
  takesPart(actor, conversation) || (actor.kind !== "GUEST" && may(actor, "conversations:read"));

/** Whose conversations a list may hold: everybody's, or those of one participant. */
export function visibleParticipant(actor: Actor): string | null {
  if (may(actor, "conversations:read")) return null;
  const { userId } = requireSignedIn(actor);
  return userId;
}

/** A guest may talk to what is open to guests; a member needs the right to. Returns who would take part. */
export function requireTalking(actor: Actor): SignedInActor {
  const participant = requireSignedIn(actor);
  if (participant.kind !== "GUEST") requirePermission(participant, "conversations:start");
  return participant;
}

export const mayClose = (actor: Actor, conversation: Conversation): boolean =>
  takesPart(actor, conversation) || (actor.kind !== "GUEST" && may(actor, "conversations:reply"));
