import { evidenceNames, type Evidence } from "./evidence";

/**
 * What each piece of evidence is worth (logistic regression on the questions in ../evaluation, fitted by
 * bench/src/retrieval-fit.ts, which prints what it does on documents that it wasn't fitted on).
 */
const weights: Readonly<Record<keyof Evidence, number>> = {
  coverage: 2.8,
  exactness: 0.4,
  entities: 0.4,
  named: 0.3,
  gap: -1.9,
  focus: 2.2,
  shape: 0.2,
  nearness: 2.0,
  label: 1.1,
  unknown: -0.6,
  rank: 0.9,
  strange: -0.1,
  introduced: 0.6,
  repeated: -0.3,
  comparison: 0.3,
  predicate: 0.6,
};
const bias = -6.2;

/** Below this an answer is wrong too often to be given. */
export const confidenceMin = 0.42;

/** How likely a statement with this evidence is to answer the question, 0…1. */
export function likelihood(evidence: Evidence): number {
  const sum = evidenceNames.reduce((all, name) => all + weights[name] * evidence[name], bias);
  return 1 / (1 + Math.exp(-sum));
}
