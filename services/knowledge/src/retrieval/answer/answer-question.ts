import type { PassageFilter } from "../passage";
import type { PassageIndex } from "../passage-index";
import { searchPassages } from "../search";
import { answerFromPassages, type Answer } from "./answer";
import type { EvidencePassage } from "./evidence";
import { analyzeQuestion } from "./question";

/** A passage as the database has it. */
export type StoredPassage = Omit<EvidencePassage, "score">;

export interface AnswerOptions {
  readonly filter?: PassageFilter;
  /** Passages that are looked through; more take longer and find little more. */
  readonly passagesMax?: number;
}

const passagesMaxDefault = 12;
const documentsOfSecondLook = 3;

/**
 * Searches the bases for the question and answers it from what was found. `loadPassages` gives the passages of these
 * ids that still exist, in any order.
 *
 * When the first passages don't answer, it looks a second time into the documents that the question names («the crash at
 * Tallahassee»): there the fact may stand on a page that doesn't repeat the name.
 */
export async function answerQuestion(
  indexes: readonly PassageIndex[],
  question: string,
  loadPassages: (passageIds: readonly string[]) => Promise<readonly StoredPassage[]>,
  { filter, passagesMax = passagesMaxDefault }: AnswerOptions = {},
): Promise<Answer> {
  const found = new Map<string, EvidencePassage>();
  const look = async (within: PassageFilter | undefined) => {
    const { hits, query } = searchPassages(indexes, question, { limit: passagesMax, filter: within });
    const scores = new Map(
      hits.filter(({ passageId }) => !found.has(passageId)).map(({ passageId, score }) => [passageId, score]),
    );
    const order = [...scores.keys()];
    const loaded = order.length > 0 ? await loadPassages(order) : [];
    for (const passage of [...loaded].sort((a, b) => order.indexOf(a.passageId) - order.indexOf(b.passageId)))
      found.set(passage.passageId, { ...passage, score: scores.get(passage.passageId) ?? 0 });
    return query;
  };
  const query = await look(filter);
  const answer = answerFromPassages(query, [...found.values()]);
  if (answer.answered) return answer;
  const named = documentsNamed(analyzeQuestion(query), [...found.values()]);
  if (named.length === 0) return answer;
  const before = found.size;
  await look({ ...filter, documentIds: named });
  return found.size > before ? answerFromPassages(query, [...found.values()]) : answer;
}

/** The documents of which a passage has all names, numbers and codes of the question, in the order of the hits. */
function documentsNamed(
  { query, words }: ReturnType<typeof analyzeQuestion>,
  passages: readonly EvidencePassage[],
): string[] {
  const names = query.words.filter((_, at) => words[at]!.isEntity).map(({ text }) => text.toLowerCase());
  if (names.length === 0) return [];
  const documents = new Set<string>();
  for (const { documentId, title, text } of passages) {
    const words = `${title ?? ""} ${text}`.toLowerCase();
    if (names.every((name) => words.includes(name))) documents.add(documentId);
  }
  return [...documents].slice(0, documentsOfSecondLook);
}
