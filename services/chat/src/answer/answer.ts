import type { ChatbotSettings } from "../chatbot/chatbot";
import type { MessageSentence, Route, RouteReason } from "../message/message";

/** What a bot says to a message, before anybody has measured how long it took. */
export interface Answer {
  /** Joined by a space they are the answer's text. */
  sentences: MessageSentence[];
  route: Omit<Route, "latencyMs">;
}

/** What was said before, oldest first. */
export interface Turn {
  text: string;
  /** How its answer came about; null while there is none. */
  reason: RouteReason | null;
}

/** All that an answer depends on. */
export interface Occasion {
  settings: ChatbotSettings;
  text: string;
  history: readonly Turn[];
}

export const textOf = ({ sentences }: Pick<Answer, "sentences">): string => sentences.map(({ text }) => text).join(" ");

/** An answer that cites nothing. */
export function plain(reason: RouteReason, text: string, evidence: number | null = null): Answer {
  return { sentences: [{ text, citations: [] }], route: { tier: 1, reason, evidence, costMicros: 0 } };
}
