import { evidenceNames, type Evidence } from "./evidence";

/**
 * What each piece of evidence is worth (logistic regression on the questions in ../evaluation, fitted by
 * ../evaluation/fit-answers.ts on those that aren't held out).
 */
const weights: Readonly<Record<keyof Evidence, number>> = {
  coverage: 3.2,
  exactness: 0.75,
  entities: 0.15,
  named: 0.3,
  gap: -2.2,
  focus: 1.95,
  shape: 0.25,
  nearness: 1.6,
  label: 0.9,
  unknown: -0.6,
  rank: 1.0,
  strange: -0.05,
  introduced: 0.9,
  repeated: -0.3,
  comparison: 0.2,
  predicate: 0.55,
};
const bias = -6.2;

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
export const confidenceMin = 0.4;

/** How likely a statement with this evidence is to answer the question, 0…1. */
export function likelihood(evidence: Evidence): number {
  const sum = evidenceNames.reduce((all, name) => all + weights[name] * evidence[name], bias);
  return 1 / (1 + Math.exp(-sum));
}
