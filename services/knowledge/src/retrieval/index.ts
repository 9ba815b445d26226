export { answerFromPassages, type Answer, type AnswerSentence, type Citation } from "./answer/answer";
export { answerQuestion, type AnswerOptions, type StoredPassage } from "./answer/answer-question";
export type { EvidencePassage } from "./answer/evidence";
export { highlight, type Highlights, type TextRange } from "./highlight";
export { languages, type Language } from "./languages";
export type { DocumentFacts, Metadata, MetadataCondition, MetadataValue, Passage, PassageFilter } from "./passage";
export { PassageIndex, type IndexOwner, type IndexStatistics } from "./passage-index";
export {
  searchPassages,
  weighQuery,
  type Explanation,
  type SearchHit,
  type SearchMode,
  type SearchOptions,
  type SearchResult,
} from "./search";
export type { ScorePart } from "./ranking";
export type { WeighedQuery } from "./weigh";
