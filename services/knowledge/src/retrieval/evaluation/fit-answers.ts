import { weighStatements } from "../answer/answer";
import { weightSigns } from "../answer/answer-model";
import { passagesToAnswerFrom } from "../answer/answer-question";
import { evidenceNames } from "../answer/evidence";
import { analyzeQuestion } from "../answer/question";
import {
  evaluationIndex,
  evaluationPassages,
  evaluationQuestions,
  isOf,
  type Chunking,
  type EvaluationQuestion,
} from "./evaluation-set";

/** A statement that may answer a question: what speaks for it, and whether it does. */
interface Example {
  readonly question: string;
  readonly evidence: readonly number[];
  readonly isRight: boolean;
  readonly weight: number;
}

// The likeliest of a question's statements are those among which the weights have to decide.
const statementsPerQuestion = 12;

/** What every statement worth considering looks like, for each question that isn't held out. */
async function examples(chunkings: readonly Chunking[]): Promise<Example[]> {
  const found: Example[] = [];
  for (const chunking of chunkings) {
    const passages = await evaluationPassages(chunking);
    const byId = new Map(passages.map((passage) => [passage.passageId, passage]));
    const index = await evaluationIndex(passages);
    for (const asked of evaluationQuestions().filter(({ heldOut }) => !heldOut)) {
      const {
        query,
        passages: hits,
        named,
      } = await passagesToAnswerFrom([index], asked.question, async (ids) => ids.map((id) => byId.get(id)!));
      const candidates = weighStatements(analyzeQuestion(query), hits, { all: true, documentsNamed: named });
      const isRight = (at: number) =>
        speaksFor(asked, candidates[at]!.statement.text, candidates[at]!.analyzed.passage.documentId);
      const best = [...candidates.keys()].filter((at) => at < statementsPerQuestion || isRight(at));
      for (const at of best)
        found.push({
          question: asked.question,
          evidence: evidenceNames.map((name) => candidates[at]!.evidence[name]),
          isRight: isRight(at),
          weight: 1 / best.length,
        });
    }
    await index.close();
  }
  return found;
}

const speaksFor = ({ document, expect }: EvaluationQuestion, text: string, documentId: string) =>
  document !== null && expect!.test(text) && isOf(document, documentId);

const rounds = 4_000;
const rate = 0.5;
const pull = 0.002;

/** Logistic regression by gradient descent; a weight whose sign is known keeps it. */
function fit(all: readonly Example[]): { weights: Record<string, number>; bias: number } {
  const weights = new Float64Array(evidenceNames.length);
  let bias = -2;
  // Of each question all right statements together count as much as all wrong ones: few are right.
  const total = all.reduce((sum, { weight }) => sum + weight, 0);
  for (let round = 0; round < rounds; round++) {
    const gradient = new Float64Array(weights.length);
    let ofBias = 0;
    for (const { evidence, isRight, weight } of all) {
      let sum = bias;
      for (let at = 0; at < weights.length; at++) sum += weights[at]! * evidence[at]!;
      const error = ((isRight ? 1 : 0) - 1 / (1 + Math.exp(-sum))) * weight;
      for (let at = 0; at < weights.length; at++) gradient[at]! += error * evidence[at]!;
      ofBias += error;
    }
    bias += (rate * 4 * ofBias) / total;
    for (let at = 0; at < weights.length; at++) {
      const next = weights[at]! + rate * 4 * (gradient[at]! / total - pull * weights[at]! * 0.1);
      const sign = weightSigns[evidenceNames[at]!];
      weights[at] = sign * next < 0 ? 0 : next;
    }
  }
  return { bias, weights: Object.fromEntries(evidenceNames.map((name, at) => [name, weights[at]!])) };
}

/** Prints weights and bias as `answer-model.ts` has them. */
async function main(): Promise<void> {
  // The processes that read files don't keep this one alive.
  const alive = setInterval(() => {}, 60_000);
  const { weights, bias } = fit(await examples(["INGESTED", "PAGE", "HEADING", "FIXED"]));
  clearInterval(alive);
  const lines = Object.entries(weights).map(([name, weight]) => `  ${name}: ${weight.toFixed(2)},`);
  process.stdout.write([...lines, `bias = ${bias.toFixed(2)}`, ""].join("\n"));
}

void main();
