import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { PassageIndex } from "../passage-index";
import type { EvidencePassage } from "../answer/evidence";

export interface EvaluationQuestion {
  readonly question: string;
  /** The document that answers it; null when none does. */
  readonly document: string | null;
  /** What a right answer contains. */
  readonly expect?: RegExp;
  /** Why it can't be answered: `near` (right topic, fact absent), `entity`, `empty field`, `off` topic. */
  readonly why?: string;
}

type StoredPassage = Omit<EvidencePassage, "score">;

const documentsDirectory = path.join(__dirname, "documents");

/** The questions, with what is expected of the answers. */
export function evaluationQuestions(): EvaluationQuestion[] {
  const { answerable, unanswerable } = JSON.parse(readFileSync(path.join(__dirname, "questions.json"), "utf8")) as {
    answerable: { question: string; document: string; expect: string }[];
    unanswerable: { question: string; document: null; why: string }[];
  };
  return [
    ...answerable.map((each) => ({ ...each, expect: new RegExp(each.expect.replace(/ /g, "\\s+")) })),
    ...unanswerable,
  ];
}

export type Chunking = "PAGE" | "HEADING" | "FIXED";

/** The documents, cut up in one of three ways, for answers must not depend on one. */
export function evaluationPassages(chunking: Chunking): StoredPassage[] {
  return readdirSync(documentsDirectory)
    .sort()
    .flatMap((file) => {
      const text = readFileSync(path.join(documentsDirectory, file), "utf8");
      const title = /^# (.+)$/m.exec(text)?.[1] ?? file;
      return piecesOf(text, chunking).map(({ start, end, headingPath }, at) => ({
        passageId: `${file}#${at}`,
        documentId: file,
        title,
        headingPath,
        page: file.endsWith(".txt") ? text.slice(0, start).split("\f").length : null,
        text: text.slice(start, end),
        start,
      }));
    });
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly headingPath: string[];
}

const fixedLength = 900;
const fixedOverlap = 150;

function piecesOf(text: string, chunking: Chunking): Piece[] {
  if (chunking === "FIXED") {
    const pieces: Piece[] = [];
    for (let start = 0; start < text.length;) {
      const end = start + fixedLength >= text.length ? text.length : text.lastIndexOf(" ", start + fixedLength);
      pieces.push({ start, end, headingPath: [] });
      if (end === text.length) break;
      start = text.indexOf(" ", end - fixedOverlap) + 1;
    }
    return pieces;
  }
  const borders = chunking === "PAGE" ? /\f/g : /\f|^#{1,3} .*$/gm;
  const starts = [
    0,
    ...[...text.matchAll(borders)].map((match) => (match[0] === "\f" ? match.index + 1 : match.index)),
  ];
  return [...new Set(starts)].flatMap((start, at, all) => {
    const end = all[at + 1] ?? text.length;
    const heading = /^(#{1,3}) (.*)\n/.exec(text.slice(start, end));
    const bodyStart = chunking === "HEADING" && heading ? start + heading[0].length : start;
    if (text.slice(bodyStart, end).trim() === "") return [];
    return [{ start: bodyStart, end, headingPath: chunking === "HEADING" && heading ? [heading[2]!] : [] }];
  });
}

export async function evaluationIndex(passages: readonly StoredPassage[]): Promise<PassageIndex> {
  const index = new PassageIndex({ workspaceId: "wsp_evaluation", knowledgeBaseId: "kb_evaluation" });
  await index.add(passages.map((passage) => ({ ...passage, id: passage.passageId })));
  await index.maintain();
  return index;
}
