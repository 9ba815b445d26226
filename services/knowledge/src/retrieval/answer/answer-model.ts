import { evidenceNames, type Evidence } from "./evidence";

/**
 * What each piece of evidence is worth (logistic regression on the questions in ../evaluation, fitted by
 * ../evaluation/fit-answers.ts on those that aren't held out).
 */
const weights: Readonly<Record<keyof Evidence, number>> = {
  coverage: 5.28,
  exactness: 0.54,
  entities: 0.0,
  named: 0.69,
  gap: -2.1,
  focus: 1.7,
  shape: 0.99,
  nearness: 1.29,
  label: 1.7,
  unknown: -0.35,
  rank: 1.75,
  strange: 0.0,
  introduced: 0.98,
  repeated: 0.0,
  comparison: 0.19,
  predicate: 0.52,
};
const bias = -9.06;

/** What a piece of evidence can be worth: something, or something less than nothing. */
export const weightSigns: Readonly<Record<keyof Evidence, 1 | -1>> = {
  coverage: 1,
  exactness: 1,
  entities: 1,
  named: 1,
  gap: -1,
  focus: 1,
  shape: 1,
  nearness: 1,
  label: 1,
  unknown: -1,
  rank: 1,
  strange: -1,
  introduced: 1,
  repeated: -1,
  comparison: 1,
  predicate: 1,
};

/** Below this an answer is wrong too often to be given. */
export const confidenceMin = 0.45;

/** How likely a statement with this evidence is to answer the question, 0…1. */
export function likelihood(evidence: Evidence): number {
  const sum = evidenceNames.reduce((all, name) => all + weights[name] * evidence[name], bias);
  return 1 / (1 + Math.exp(-sum));
}
