import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./house";

export interface Abstract {
  _id: string;
  title: string;
  text: string;
}

export interface Question {
  _id: string;
  text: string;
}

const linesOf = (file: string) =>
  readFileSync(path.join(root, "bench/data/cranfield", file), "utf8")
    .trimEnd()
    .split("\n");

/** The abstracts that have a text; bench/data/README.md says where they are from. */
export const abstracts = (): Abstract[] =>
  linesOf("corpus.jsonl")
    .map((line) => JSON.parse(line) as Abstract)
    .filter(({ text }) => text.trim() !== "");

export const searchQuestions = (): Question[] => linesOf("queries.jsonl").map((line) => JSON.parse(line) as Question);

/** By question: the abstracts that were judged to answer it. */
export function judgments(): Map<string, Set<string>> {
  const judged = new Map<string, Set<string>>();
  for (const line of linesOf("qrels.tsv").slice(1)) {
    const [question, abstract] = line.split("\t") as [string, string];
    judged.set(question, (judged.get(question) ?? new Set()).add(abstract));
  }
  return judged;
}
