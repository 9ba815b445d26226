import { requirePermission, requireSignedIn, requireWorkspace, type Actor } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import { appendEvent, chatSensitiveRead } from "@atrium/events";
import type { Context } from "../context";
import type { Message } from "../message/message";
import type { Conversation } from "./conversation";
import { maySee, takesPart, visibleParticipant } from "./policy";
import { findConversations, findMessages, listConversations, listMessages, type ConversationFilter } from "./store";

/** One conversation that the actor may see. */
export async function conversation(ctx: Context, id: string): Promise<Conversation> {
  requireStanding(ctx.actor);
  const [found] = await conversationsByIds(ctx, [id]);
  if (!found) throw noConversation(id);
  return found;
}

export const noConversation = (id: string) => new PublicError("NOT_FOUND", `No conversation ${id} of yours.`);

/** Those of the conversations that the actor may see. */
export async function conversationsByIds({ actor, db }: Context, ids: readonly string[]): Promise<Conversation[]> {
  if (actor.kind === "ANONYMOUS") return [];
  return (await findConversations(db, ids)).filter((found) => maySee(actor, found));
}

/** The conversations that the actor may see, newest first. */
export async function conversations(
  { actor, db }: Context,
  { participantId, ...filter }: ConversationFilter,
  page: { limit: number; after: string | null },
): Promise<Conversation[]> {
  requireStanding(actor);
  const only = visibleParticipant(actor);
  if (only && participantId && participantId !== only) return [];
  return listConversations(db, { ...filter, participantId: only ?? participantId }, page);
}

/**
 * What was said, in order. For a conversation that the actor was given to see; when it is somebody else's, that it was
 * read is announced.
 */
export async function conversationMessages(
  { actor, db }: Context,
  found: Conversation,
  page: { limit: number; after: number | null },
): Promise<Message[]> {
  const messages = await listMessages(db, found, page);
  if (!takesPart(actor, found) && actor.kind !== "SYSTEM")
    await appendEvent(db, chatSensitiveRead({ subjectId: found.id, kind: "CONVERSATION", count: messages.length }));
  return messages;
}

/** Those of the messages whose conversations the actor may see. */
export async function messagesByIds(ctx: Context, ids: readonly string[]): Promise<Message[]> {
  if (ctx.actor.kind === "ANONYMOUS") return [];
  const messages = await findMessages(ctx.db, ids);
  const seen = await conversationsByIds(ctx, [...new Set(messages.map((each) => each.conversationId))]);
  return messages.filter((message) => seen.some(({ id }) => id === message.conversationId));
}

/** A guest stands nowhere; anybody else in a workspace, with some right in its conversations. */
function requireStanding(actor: Actor): void {
  if (actor.kind === "GUEST") return;
  requireWorkspace(actor);
  if (actor.kind !== "SYSTEM") requireSignedIn(actor);
  if (!maySeeAny(actor)) requirePermission(actor, "conversations:start");
}

const maySeeAny = (actor: Actor): boolean => actor.kind === "SYSTEM" || visibleParticipant(actor) === null;
