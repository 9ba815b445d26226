import { evidenceNames, type Evidence } from "./evidence";

/**
 * What each piece of evidence is worth (logistic regression on the questions in ../evaluation, fitted by
 * bench/src/retrieval-fit.ts, which prints what it does on documents that it wasn't fitted on).
 */
const weights: Readonly<Record<keyof Evidence, number>> = {
  coverage: 3.5,
  exactness: 0.9,
  entities: 0.2,
  named: 0.5,
  gap: -0.85,
  focus: 1.3,
  shape: 0.36,
  nearness: 1.7,
  label: 1,
  unknown: -0.2,
  rank: 0.58,
  strange: -0.5,
  introduced: 1.28,
  repeated: -1.17,
  comparison: 0.4,
};
const bias = -5.2;

/** Below this an answer is wrong too often to be given. */
export const confidenceMin = 0.4;

/** How likely a statement with this evidence is to answer the question, 0…1. */
export function likelihood(evidence: Evidence): number {
  const sum = evidenceNames.reduce((all, name) => all + weights[name] * evidence[name], bias);
  return 1 / (1 + Math.exp(-sum));
}
