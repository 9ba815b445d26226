import type { PassageFilter } from "../passage";
import type { PassageIndex } from "../passage-index";
import { searchPassages, weighQuery } from "../search";
import { answerFromPassages, type Answer } from "./answer";
import type { EvidencePassage } from "./evidence";
import type { WeighedQuery } from "../weigh";
import { analyzeQuestion } from "./question";

/** A passage as the database has it. */
export type StoredPassage = Omit<EvidencePassage, "score">;

export interface AnswerOptions {
  readonly filter?: PassageFilter;
  /** Passages that are looked through; more take longer and find little more. */
  readonly passagesMax?: number;
}

const passagesMaxDefault = 12;
// Of other documents than those that are named: what they say alike is about none of them.
const passagesBeside = 6;
const documentsNamedMax = 5;
// A name that so many passages have says nothing about which document is meant.
const namedIn = 2_000;

/** `loadPassages` gives the passages of these ids that still exist, in any order. */
type LoadPassages = (passageIds: readonly string[]) => Promise<readonly StoredPassage[]>;

/** Searches the bases for the question and answers it from what was found. */
export async function answerQuestion(
  indexes: readonly PassageIndex[],
  question: string,
  loadPassages: LoadPassages,
  options: AnswerOptions = {},
): Promise<Answer> {
  const { query, passages, named } = await passagesToAnswerFrom(indexes, question, loadPassages, options);
  return answerFromPassages(query, passages, named);
}

/**
 * The passages among which an answer is looked for. A document says once what it is about, and then speaks of «the
 * airplane»: when a few documents alone have all the names, numbers and codes of the question, they are searched by
 * themselves, whatever the rest of the question finds elsewhere.
 */
export async function passagesToAnswerFrom(
  indexes: readonly PassageIndex[],
  question: string,
  loadPassages: LoadPassages,
  { filter, passagesMax = passagesMaxDefault }: AnswerOptions = {},
): Promise<{ query: WeighedQuery; passages: EvidencePassage[]; named: readonly string[] }> {
  const look = (limit: number, within: PassageFilter | undefined) =>
    searchPassages(indexes, question, { limit, filter: within });
  const named = documentsNamed(indexes, question, filter);
  const looks =
    named.length > 0
      ? [look(passagesMax, { ...filter, documentIds: named }), look(passagesBeside, filter)]
      : [look(passagesMax, filter)];
  const scores = new Map<string, number>();
  for (const { passageId, score } of looks.flatMap(({ hits }) => hits))
    if (!scores.has(passageId)) scores.set(passageId, score);
  const loaded = scores.size > 0 ? await loadPassages([...scores.keys()]) : [];
  const byId = new Map(loaded.map((passage) => [passage.passageId, passage]));
  const passages = [...scores].flatMap(([id, score]) => {
    const passage = byId.get(id);
    return passage ? [{ ...passage, score }] : [];
  });
  return { query: looks[0]!.query, passages, named };
}

/** The documents that alone have all names, numbers and codes of the question; none when these are too many or few. */
function documentsNamed(indexes: readonly PassageIndex[], question: string, filter?: PassageFilter): string[] {
  const query = weighQuery(indexes, question);
  const { words } = analyzeQuestion(query);
  const names = query.words.filter(
    ({ overlay, documentCount }, at) => words[at]!.isEntity && !overlay && documentCount <= namedIn,
  );
  if (names.length === 0) return [];
  const among = filter?.documentIds && new Set(filter.documentIds);
  const documents = indexes.flatMap(({ segment }) => {
    const [first, ...others] = names.map(({ terms }) => segment.documentsWith(terms));
    return [...first!].filter((id) => others.every((some) => some.has(id)) && (among?.has(id) ?? true));
  });
  return documents.length <= documentsNamedMax ? documents : [];
}
