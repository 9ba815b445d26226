import { evidenceNames, type Evidence } from "./evidence";

/**
 * What each piece of evidence is worth (logistic regression on the questions in ../evaluation, fitted by
 * bench/src/retrieval-fit.ts, which prints what it does on documents that it wasn't fitted on).
 */
const weights: Readonly<Record<keyof Evidence, number>> = {
  coverage: 4,
  exactness: 1.5,
  entities: 2,
  gap: -4,
  focus: 2.5,
  shape: 1.5,
  nearness: 1,
  label: 1.5,
  unknown: -4,
  rank: 0.8,
  strange: -5,
  introduced: 1,
  repeated: -1.5,
  comparison: 2,
};
const bias = -7.5;

/** Below this an answer is wrong too often to be given. */
export const confidenceMin = 0.5;

/** How likely a statement with this evidence is to answer the question, 0…1. */
export function likelihood(evidence: Evidence): number {
  const sum = evidenceNames.reduce((all, name) => all + weights[name] * evidence[name], bias);
  return 1 / (1 + Math.exp(-sum));
}
