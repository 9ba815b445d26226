import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { startParsing } from "../../ingestion/parse";
import { defaultSplit } from "../../ingestion/split";
import { PassageIndex } from "../passage-index";
import type { EvidencePassage } from "../answer/evidence";

export interface EvaluationQuestion {
  readonly question: string;
  /** The document that answers it; "*" for any, null when none does. */
  readonly document: string | null;
  /** What a right answer contains. */
  readonly expect?: RegExp;
  /** Neither weights nor rules were made with it in sight: what it says is true of questions never seen before. */
  readonly heldOut?: boolean;
  /** Why it can't be answered: `near` (right topic, fact absent), `entity`, `empty field`, `off` topic. */
  readonly why?: string;
}

type StoredPassage = Omit<EvidencePassage, "score">;

const documentsDirectory = path.join(__dirname, "documents");

/** The questions, with what is expected of the answers. */
export function evaluationQuestions(): EvaluationQuestion[] {
  const { answerable, unanswerable } = JSON.parse(readFileSync(path.join(__dirname, "questions.json"), "utf8")) as {
    answerable: { question: string; document: string; expect: string; heldOut?: boolean }[];
    unanswerable: { question: string; document: null; why: string; heldOut?: boolean }[];
  };
  return [
    ...answerable.map((each) => ({ ...each, expect: new RegExp(each.expect.replace(/ /g, "\\s+")) })),
    ...unanswerable,
  ];
}

/** INGESTED: as the product reads and cuts them; the others cut plain texts, for answers must not depend on one way. */
export type Chunking = "INGESTED" | "PAGE" | "HEADING" | "FIXED";

/** The documents' passages. */
export async function evaluationPassages(chunking: Chunking): Promise<StoredPassage[]> {
  if (chunking === "INGESTED") return ingestedPassages();
  return textsOf(documentsDirectory, /\.(?:txt|md)$/).flatMap(({ file, content }) => {
    const text = content.toString("utf8");
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

/** The reports from the PDFs themselves, everything else from the same files as above, and tables. */
async function ingestedPassages(): Promise<StoredPassage[]> {
  const reports = textsOf(path.join(__dirname, "../../../fixtures/documents"), /^ntsb.*\.pdf$/);
  const others = textsOf(documentsDirectory, /^(?!ntsb).*\.(?:txt|md|csv)$/);
  const parsing = startParsing();
  try {
    const passages: StoredPassage[] = [];
    for (const { file, content } of [...reports, ...others]) {
      const own: Omit<StoredPassage, "title">[] = [];
      let title = file;
      for await (const part of parsing.parsePassages({ filename: file, content }, { split: defaultSplit })) {
        title = part.facts.title ?? title;
        for (const { ordinal, headingPath, firstPage, text, start } of part.passages)
          own.push({ passageId: `${file}#${ordinal}`, documentId: file, headingPath, page: firstPage, text, start });
      }
      passages.push(...own.map((passage) => ({ ...passage, title })));
    }
    return passages;
  } finally {
    await parsing.close();
  }
}

const textsOf = (directory: string, pattern: RegExp) =>
  readdirSync(directory)
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => ({ file, content: readFileSync(path.join(directory, file)) }));

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly headingPath: string[];
}

const fixedLength = 900;
const fixedOverlap = 150;

function piecesOf(text: string, chunking: Exclude<Chunking, "INGESTED">): Piece[] {
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

/** Whether a passage is of the document that a question names, whatever format it was read from. */
export const isOf = (document: string, documentId: string): boolean =>
  document === "*" || path.parse(document).name === path.parse(documentId).name;
