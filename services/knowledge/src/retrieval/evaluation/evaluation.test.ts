import { evaluationQuestions } from "./evaluation-set";
import { measureAnswers } from "./measure-answers";

/**
 * The figures on the questions to which rules and weights were fitted, a little loosened. `npm run bench -- answers` prints
 * those on questions that were held out.
 */
test.each([
  ["INGESTED", { precision: 0.91, recall: 0.82, refused: 0.94 }],
  ["FIXED", { precision: 0.87, recall: 0.75, refused: 0.94 }],
] as const)(
  "answers are right and questions without an answer refused: %s",
  async (chunking, least) => {
    const seen = evaluationQuestions().filter(({ heldOut }) => !heldOut);
    const measured = await measureAnswers(chunking, seen);
    expect(measured.precision).toBeGreaterThanOrEqual(least.precision);
    expect(measured.recall).toBeGreaterThanOrEqual(least.recall);
    expect(measured.refused).toBeGreaterThanOrEqual(least.refused);
  },
  120_000,
);
