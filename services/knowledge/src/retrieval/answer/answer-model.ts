import { evidenceNames, type Evidence } from "./evidence";

/**
 * What each piece of evidence is worth (logistic regression on the questions in ../evaluation, fitted by
 * bench/src/retrieval-fit.ts, which prints what it does on documents that it wasn't fitted on).
 */
const weights: Readonly<Record<keyof Evidence, number>> = {
  coverage: 2.6,
  exactness: 0.7,
  entities: 0.3,
  named: 0.4,
  gap: -1.9,
  focus: 2.2,
  shape: 0.3,
  nearness: 2.0,
  label: 1.4,
  unknown: -0.7,
  rank: 0.8,
  strange: -0.1,
  introduced: 1.2,
  repeated: -0.3,
  comparison: 0.3,
};
const bias = -5.6;

/** Below this an answer is wrong too often to be given. */
export const confidenceMin = 0.4;

/** How likely a statement with this evidence is to answer the question, 0…1. */
export function likelihood(evidence: Evidence): number {
  const sum = evidenceNames.reduce((all, name) => all + weights[name] * evidence[name], bias);
  return 1 / (1 + Math.exp(-sum));
}
