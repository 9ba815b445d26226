import type { Turn } from "./answer";
import { resetCommand } from "./intent";

// Beginnings and words that point back to what was said: the question alone would find nothing, or the wrong thing.
const pointsBack =
  /^(?:and|or|but|what about|how about|why|und|oder|aber|warum|wieso|was ist mit|wie ist es mit)\b|(?:^|\s)(?:it|its|they|them|their|that one|this one|he|she|him|her|there|dessen|deren|dazu|darüber|davon|daran|dort|ihn|ihm|ihnen)(?=[\s?.!,]|$)/i;
const wordsOfAFragment = 3;

const isQuestion = ({ reason }: Turn) =>
  reason === "KNOWLEDGE" || reason === "NOT_IN_DOCUMENTS" || reason === "NO_KNOWLEDGE_BASE";

/**
 * How to ask the documents, in order, until one phrasing is answered: a question that points back to the one before is
 * asked together with it first; any other stands alone.
 */
export function phrasings(text: string, history: readonly Turn[]): string[] {
  const sinceReset = history.slice(
    history.findLastIndex((turn) => turn.text.trim().toLowerCase() === resetCommand) + 1,
  );
  const previous = sinceReset.findLast(isQuestion);
  const fragment = text.trim().split(/\s+/).length <= wordsOfAFragment;
  if (!previous || !(fragment || pointsBack.test(text.trim()))) return [text];
  const together = `${previous.text} ${text}`;
  return fragment && !pointsBack.test(text.trim()) ? [text, together] : [together, text];
}
