import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./house";

/** Questions about the accident reports: those that they answer, and every fifth one that they don't. */
export function questions(): string[] {
  const file = path.join(root, "services/knowledge/src/retrieval/evaluation/questions.json");
  const { answerable, unanswerable } = JSON.parse(readFileSync(file, "utf8")) as Record<string, { question: string }[]>;
  return [...answerable!, ...unanswerable!.filter((_, n) => n % 5 === 0)].map(({ question }) => question);
}
