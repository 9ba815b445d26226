import { answerQuestion, type Answer } from "..";
import {
  evaluationIndex,
  evaluationPassages,
  evaluationQuestions,
  isOf,
  type Chunking,
  type EvaluationQuestion,
} from "./evaluation-set";

export interface AnswerMeasures {
  /** Of the answers given, those that are right. */
  readonly precision: number;
  /** Of the questions that the documents answer, those answered rightly. */
  readonly recall: number;
  /** Of the questions that they don't answer, those refused. */
  readonly refused: number;
  readonly questions: number;
  /** CPU time of each answer, search included, in milliseconds. */
  readonly milliseconds: readonly number[];
  readonly faults: readonly { readonly question: string; readonly answer: Answer }[];
}

/** Asks the questions of the evaluation set, but those about a document that isn't cut up in this way. */
export async function measureAnswers(chunking: Chunking, asked = evaluationQuestions()): Promise<AnswerMeasures> {
  const passages = await evaluationPassages(chunking);
  const questions = asked.filter(
    ({ document }) => document === null || passages.some(({ documentId }) => isOf(document, documentId)),
  );
  const byId = new Map(passages.map((passage) => [passage.passageId, passage]));
  const index = await evaluationIndex(passages);
  const milliseconds: number[] = [];
  const faults: { question: string; answer: Answer }[] = [];
  const counts = { right: 0, answered: 0, answerable: 0, refused: 0, unanswerable: 0 };
  for (const question of questions) {
    const startedAt = process.cpuUsage();
    const answer = await answerQuestion([index], question.question, async (ids) => ids.map((id) => byId.get(id)!));
    const { user, system } = process.cpuUsage(startedAt);
    milliseconds.push((user + system) / 1000);
    const right = isRight(question, answer);
    if (answer.answered) counts.answered++;
    if (question.document === null) {
      counts.unanswerable++;
      if (right) counts.refused++;
    } else {
      counts.answerable++;
      if (right) counts.right++;
    }
    if (!right) faults.push({ question: question.question, answer });
  }
  await index.close();
  return {
    precision: counts.right / (counts.answered || 1),
    recall: counts.right / (counts.answerable || 1),
    refused: counts.refused / (counts.unanswerable || 1),
    questions: questions.length,
    milliseconds,
    faults,
  };
}

/** Right is a refusal where there is no answer, and otherwise what was expected, cited from the right document. */
function isRight({ document, expect }: EvaluationQuestion, answer: Answer): boolean {
  if (document === null) return !answer.answered;
  if (!answer.answered || !expect!.test(answer.text)) return false;
  return answer.sentences.some(({ citations }) => citations.some(({ documentId }) => isOf(document, documentId)));
}
