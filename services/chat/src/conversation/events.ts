import { TopicOverflowError, type Topics } from "@atrium/topics";
import type { RequestContext } from "../context";
import { topicOf, type ConversationEvent, type LiveEvent } from "../conversation-event/conversation-event";
import { handleAt } from "./place";
import { conversation } from "./queries";
import { listEvents } from "./store";

const pageSize = 200;

/** Tells the live subscribers. Only what was committed, so that whoever looks finds it. */
export function announce(topics: Topics, conversationId: string, events: readonly LiveEvent[]): void {
  for (const event of events) topics.publish(topicOf(conversationId), event);
}

/** An event of a conversation, as it travels to a subscriber. */
export interface ToldEvent extends LiveEvent {
  conversationId: string;
}

/**
 * The events of a conversation after a number, first those that are stored and then those that come, each once and in
 * order: what a live subscription missed is read again. Ends when nobody listens any more.
 */
export async function conversationEvents(
  ctx: RequestContext,
  { conversationId, after }: { conversationId: string; after: number },
): Promise<AsyncGenerator<ToldEvent, void>> {
  const seen = await conversation(ctx, conversationId);
  const { signal, topics } = ctx;
  const db = handleAt(ctx, seen);
  let last = after;

  async function* stored(): AsyncGenerator<ToldEvent, void> {
    for (let page: ConversationEvent[] = []; !signal.aborted;) {
      page = await listEvents(db, conversationId, { after: last, limit: pageSize });
      for (const event of page) {
        last = event.number;
        yield { ...event, conversationId };
      }
      if (page.length < pageSize) return;
    }
  }

  return (async function* () {
    while (!signal.aborted) {
      // Listening begins before the look at what is stored, so nothing falls between the two.
      const live = topics.subscribe<Omit<LiveEvent, "createdAt"> & { createdAt: string }>(topicOf(conversationId), {
        signal,
      });
      try {
        yield* stored();
        for await (const event of live) {
          if (event.number > last + 1) yield* stored();
          if (event.number <= last) continue;
          last = event.number;
          yield { ...event, createdAt: new Date(event.createdAt), conversationId };
        }
        return;
      } catch (error) {
        // A subscriber that was too slow goes on from what is stored.
        if (!(error instanceof TopicOverflowError)) throw error;
      } finally {
        await live.return?.();
      }
    }
  })();
}
