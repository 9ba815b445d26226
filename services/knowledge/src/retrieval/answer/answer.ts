import type { WeighedQuery } from "../weigh";
import { confidenceMin, likelihood } from "./answer-model";
import {
  analyzePassage,
  Weighing,
  type AnalyzedPassage,
  type AnalyzedStatement,
  type Evidence,
  type EvidencePassage,
} from "./evidence";
import { WordMatcher } from "./matching";
import { analyzeQuestion, type Question } from "./question";
import { readPassages } from "./reading";

/** Where a sentence stands, in the document's canonical text. */
export interface Citation {
  readonly documentId: string;
  readonly passageId: string;
  readonly page: number | null;
  readonly headingPath: readonly string[];
  readonly start: number;
  readonly end: number;
}

export interface AnswerSentence {
  /** On one line, otherwise as in the document. */
  readonly text: string;
  readonly citations: readonly Citation[];
}

export interface Answer {
  readonly answered: boolean;
  readonly text: string;
  /** How likely the answer is right, 0…1; of a refusal, how likely the best sentence would have been. */
  readonly confidence: number;
  readonly sentences: readonly AnswerSentence[];
}

const refusals: Record<"en" | "de", string> = {
  en: "The documents don't say.",
  de: "Die Dokumente sagen dazu nichts.",
};

const sentencesMax = 3;
// A second sentence must be nearly as good as the first, or go on where it ended.
const companionShare = 0.75;

export interface Candidate {
  readonly analyzed: AnalyzedPassage;
  readonly at: number;
  readonly statement: AnalyzedStatement;
  readonly evidence: Evidence;
  readonly likelihood: number;
}

/**
 * Answers a question with one to three sentences of the passages that a search found for it, each cited, or says that
 * the documents don't. Nothing is written that doesn't stand in a passage. `question` is the query as `searchPassages`
 * returned it, which knows what each word is worth in these documents. `documentsNamed`: those that are known to have all
 * of its names, be it in other passages.
 */
export function answerFromPassages(
  question: WeighedQuery,
  hits: readonly EvidencePassage[],
  documentsNamed: readonly string[] = [],
): Answer {
  const asked = analyzeQuestion(question);
  const refusal = refusals[asked.german ? "de" : "en"];
  const candidates = weighStatements(asked, hits, { documentsNamed });
  const best = candidates[0];
  if (!best || best.likelihood < confidenceMin)
    return { answered: false, text: refusal, confidence: best?.likelihood ?? 0, sentences: [] };
  const chosen = companionsOf(best, candidates, asked);
  const sentences = inReadingOrder(chosen, hits).map((candidate) => cite(candidate, candidates));
  return { answered: true, text: sentences.map(({ text }) => text).join(" "), confidence: best.likelihood, sentences };
}

/**
 * The statements of the passages with what speaks for them, the likeliest first: those that can be part of an answer, or
 * all of them.
 */
export function weighStatements(
  question: Question,
  hits: readonly EvidencePassage[],
  { all = false, documentsNamed = [] }: { all?: boolean; documentsNamed?: readonly string[] } = {},
): Candidate[] {
  if (question.words.every(({ weight }) => weight === 0)) return [];
  const matcher = new WordMatcher(question);
  const readings = readPassages(hits);
  const bestScore = Math.max(...hits.map(({ score }) => score), Number.MIN_VALUE);
  const passages = hits.map((passage, at) =>
    analyzePassage(passage, readings[at]!, matcher, Math.max(0, passage.score / bestScore)),
  );
  const documents = matchesOfDocuments(passages);
  for (const id of documentsNamed)
    documents.get(id)?.forEach((_, word, match) => {
      if (question.words[word]!.isEntity) match[word] = 1;
    });
  const others = documentsOfOtherNames(question, passages);
  const hopes = passages
    .filter(({ passage }) => !others.has(passage.documentId))
    .flatMap((analyzed) => {
      const weighing = new Weighing(matcher, analyzed, documents.get(analyzed.passage.documentId)!);
      return analyzed.statements.flatMap((_, at) => {
        const evidence = weighing.hopesFor(at);
        return evidence && evidence.strange <= strangeMax
          ? [{ weighing, at, evidence, likelihood: likelihood(evidence) }]
          : [];
      });
    })
    .sort((a, b) => b.likelihood - a.likelihood);
  const saidBy = documentsBySentence(passages);
  const candidates: Candidate[] = [];
  let best = 0;
  for (const hope of hopes) {
    // Nor will any after it.
    if (!all && hope.likelihood < leastBeside(best)) break;
    const { analyzed } = hope.weighing;
    const statement = analyzed.statements[hope.at]!;
    if (!mayAnswer(statement, question) || isHeadingOf(statement, analyzed) || isCut(statement, analyzed)) continue;
    const isRepeated = saidBy.get(statement.normalized) === several;
    const evidence = hope.weighing.evidenceOf(hope.at, hope.evidence, isRepeated);
    if (isRuledOut(evidence, question) || (isRepeated && isAboutOne(question) && evidence.named === 0)) continue;
    const candidate = { analyzed, at: hope.at, statement, evidence, likelihood: likelihood(evidence) };
    best = Math.max(best, candidate.likelihood);
    candidates.push(candidate);
  }
  return candidates.sort(
    (a, b) =>
      b.likelihood - a.likelihood ||
      b.evidence.rank - a.evidence.rank ||
      positionOf(a) - positionOf(b) ||
      (a.analyzed.passage.passageId < b.analyzed.passage.passageId ? -1 : 1),
  );
}

/** Below this a statement is neither better than the best so far nor fit to stand beside it. */
const leastBeside = (best: number) => (best < confidenceMin ? best : Math.max(confidenceMin, best * companionShare));

/** What the passages at hand of each document match together. */
function matchesOfDocuments(passages: readonly AnalyzedPassage[]): Map<string, number[]> {
  const documents = new Map<string, number[]>();
  for (const { passage, match, titleMatch, headingMatch } of passages) {
    let all = documents.get(passage.documentId);
    if (!all) documents.set(passage.documentId, (all = match.slice()));
    for (let word = 0; word < all.length; word++)
      all[word] = Math.max(all[word]!, match[word]!, titleMatch[word]!, headingMatch[word]!);
  }
  return documents;
}

/** Documents that have the words of a name of several («Lake Sorrel») but nowhere at hand together: it names another. */
function documentsOfOtherNames({ query, words }: Question, passages: readonly AnalyzedPassage[]): Set<string> {
  const others = new Set<string>();
  for (const [a, b] of query.neighbours) {
    const [left, right] = [query.words[a]!, query.words[b]!];
    const isName = [a, b].every((at) => words[at]!.isEntity && query.words[at]!.spelled);
    if (!isName || query.text.slice(left.end, right.start).trim() !== "") continue;
    const together = new RegExp(
      `${escaped(left.text)}[^\\p{L}]+(?:\\p{L}+[^\\p{L}]+){0,2}${escaped(right.text)}`,
      "iu",
    );
    const having = new Set<string>();
    const found = new Set<string>();
    for (const { passage, match } of passages) {
      if (match[a]! > 0 && match[b]! > 0) having.add(passage.documentId);
      if (together.test(`${passage.title ?? ""} . ${passage.text}`)) found.add(passage.documentId);
    }
    for (const id of having) if (!found.has(id)) others.add(id);
  }
  return others;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const several = Symbol("several documents");

/** By what is said: the document that says it, or that several do. */
function documentsBySentence(passages: readonly AnalyzedPassage[]): Map<string, string | typeof several> {
  const saidBy = new Map<string, string | typeof several>();
  for (const { passage, statements } of passages)
    for (const { normalized } of statements) {
      const known = saidBy.get(normalized);
      if (known === undefined) saidBy.set(normalized, passage.documentId);
      else if (known !== passage.documentId) saidBy.set(normalized, several);
    }
  return saidBy;
}

// More of the question's names and numbers than this may not be strange to the document.
const strangeMax = 0.12;

/** What no other evidence makes up for: another subject, the wrong side of a limit, no number where one was asked. */
function isRuledOut({ strange, comparison, shape }: Evidence, { kind }: Question): boolean {
  return strange > strangeMax || comparison < 0 || (shape < 0 && kind !== "WHY");
}

/** Whether the question names what it is about: what all documents say alike isn't about that. */
const isAboutOne = ({ words }: Question) => words.some(({ isEntity }) => isEntity);

const isHeadingOf = ({ text }: AnalyzedStatement, { passage }: AnalyzedPassage) =>
  passage.headingPath?.includes(text) ?? false;

const wholeSentence = /[.!?:;)"”’»]$/;

/** Half a sentence, which the cutting of the document into passages has left at a passage's edge. */
function isCut(statement: AnalyzedStatement, { passage }: AnalyzedPassage): boolean {
  if (statement.kind !== "SENTENCE") return false;
  const { text, start } = passage;
  const beginsInside =
    start > 0 && statement.start === text.length - text.trimStart().length && /^\p{Ll}/u.test(statement.text);
  const endsInside =
    statement.end === text.trimEnd().length && !wholeSentence.test(statement.text) && statement.words.length > 8;
  return beginsInside || endsInside;
}

/** A field left empty answers nothing, nor does what merely leads in a list, a question, or words that aren't asked. */
function mayAnswer(statement: AnalyzedStatement, question: Question): boolean {
  if (statement.kind === "FIELD" && statement.valueStart >= statement.end) return false;
  if (statement.kind === "FIELD" && question.wantsProse) return false;
  if (statement.kind === "SENTENCE" && /[:?]$/.test(statement.text)) return false;
  const content = statement.words.filter((word) => word.term !== null).length;
  if (content === 0) return false;
  // What repeats the question and no more.
  const matched = question.words.filter((_, word) => statement.match[word]! === 1).length;
  return content > matched || statement.words.some((word) => /\d/.test(word.text)) || question.kind === "YES_NO";
}

const positionOf = ({ analyzed, statement }: Candidate) => analyzed.passage.start + statement.start;

/** The sentences that belong to the answer beside the best one. */
function companionsOf(best: Candidate, candidates: readonly Candidate[], question: Question): Candidate[] {
  const chosen = [best];
  const wantsMore = question.kind === "LIST" || question.kind === "HOW" || question.kind === "WHY";
  for (const candidate of candidates.slice(1, 12)) {
    if (chosen.length >= sentencesMax || (!wantsMore && chosen.length >= 2)) break;
    if (candidate.likelihood < Math.max(confidenceMin, best.likelihood * companionShare)) break;
    if (chosen.some((other) => saysTheSame(candidate, other))) continue;
    const sameDocument = candidate.analyzed.passage.documentId === best.analyzed.passage.documentId;
    const adds = question.words.some(
      ({ weight }, word) =>
        weight > 0 &&
        candidate.statement.match[word]! === 1 &&
        chosen.every((other) => other.statement.match[word]! < 1),
    );
    if (sameDocument && (wantsMore || adds)) chosen.push(candidate);
  }
  return chosen;
}

function inReadingOrder(chosen: readonly Candidate[], hits: readonly EvidencePassage[]): Candidate[] {
  const rankOf = new Map<string, number>();
  for (const { documentId } of hits) if (!rankOf.has(documentId)) rankOf.set(documentId, rankOf.size);
  const documentRank = ({ analyzed }: Candidate) => rankOf.get(analyzed.passage.documentId)!;
  return [...chosen].sort((a, b) => documentRank(a) - documentRank(b) || positionOf(a) - positionOf(b));
}

/** The sentence with all places in the passages at hand where the same stands. */
function cite(candidate: Candidate, candidates: readonly Candidate[]): AnswerSentence {
  const citations: Citation[] = [];
  for (const other of [candidate, ...candidates]) {
    if (other !== candidate && other.statement.normalized !== candidate.statement.normalized) continue;
    const { passage } = other.analyzed;
    const start = passage.start + other.statement.start;
    if (citations.some((citation) => citation.documentId === passage.documentId && citation.start === start)) continue;
    // Forms repeat: «Age: 38» of another document isn't about the one that was asked about.
    if (
      passage.documentId !== candidate.analyzed.passage.documentId &&
      other.likelihood < candidate.likelihood * companionShare
    )
      continue;
    citations.push({
      documentId: passage.documentId,
      passageId: passage.passageId,
      page: passage.page ?? null,
      headingPath: passage.headingPath ?? [],
      start,
      end: passage.start + other.statement.end,
    });
    if (citations.length >= sentencesMax) break;
  }
  return { text: candidate.statement.text, citations };
}

function saysTheSame(a: Candidate, b: Candidate): boolean {
  const termsOf = ({ statement }: Candidate) =>
    new Set(statement.words.flatMap(({ term }) => (term === null ? [] : [term])));
  const [left, right] = [termsOf(a), termsOf(b)];
  const shared = [...left].filter((term) => right.has(term)).length;
  return shared / (Math.min(left.size, right.size) || 1) > 0.8;
}
