import { signedUp, type Atrium, type Caller } from "@atrium/testing";
import { colleagues, createKnowledgeBase, ingest, sourceFiles, startHouse, upload } from "./house";
import { generateLoad } from "./load";
import type { Outcome, Plan } from "./load/plan";
import { processorMs } from "./process-tree";
import { questions } from "./questions";
import { percentile, perSecond, rounded, spread } from "./statistics";
import { evaluationQuestions } from "../../services/knowledge/src/retrieval/evaluation/evaluation-set";
import { measureAnswers } from "../../services/knowledge/src/retrieval/evaluation/measure-answers";
import { atLeast, below, type Figure, type Measure } from "./table";

const callers = 100;
// For five seconds a process that has just started is still being compiled, on two cores.
const timing = { ms: 10_000, warmUpMs: 8_000 };

const answerFromKnowledge = `query Answer($ids: [ID!]!, $question: String!) {
  answerFromKnowledge(knowledgeBaseIds: $ids, question: $question) {
    answered confidence text
    sentences { text citations { document { id title } page headingPath start end quote } } } }`;

/**
 * Whether answers are right, and how fast they come to a hundred people of one organization, over HTTP and WebSocket.
 *
 * «100 callers» is measured twice. With pauses each asks once a second, which is more than people do who read the
 * answers: that is what the limit is for. Without pauses each asks again at once, so that there are always a hundred
 * questions waiting: to be below 100 ms the product would have to give 1,000 answers a second, and what is shown is how
 * many it gives.
 */
export const answers: Measure = async (say) => {
  const figures: Figure[] = await rightness(say);
  say("starting the product");
  const atrium = await startHouse();
  try {
    say(`ingesting the documents, signing ${callers} people up`);
    const owner = await signedUp(atrium);
    const knowledgeBaseId = await createKnowledgeBase(owner.client, "Reports");
    const { passages } = await ingest(owner.client, knowledgeBaseId, await upload(owner.client, sourceFiles()));
    const tokens = await colleagues(atrium, owner, callers);
    const base = { url: atrium.url, tokens, ...timing };
    const asking = {
      ...{ ...base, kind: "query" as const, query: answerFromKnowledge },
      variables: questions().map((question) => ({ ids: [knowledgeBaseId], question })),
    };
    const chatting = {
      ...{ ...base, kind: "chat" as const, chatbotId: await givenBot(owner, knowledgeBaseId) },
      texts: questions(),
    };

    const measure = async (what: string, plan: Plan, limitMs: number | null) => {
      say(what);
      const figure = figureOf(what, await observed(atrium, plan), limitMs);
      say(figure.value);
      figures.push(figure);
    };
    const of = `${callers} callers, ${passages} passages`;
    await measure(`answerFromKnowledge, ${of}, each asks once a second`, { ...asking, everyMs: 1_000 }, 100);
    await measure(`answerFromKnowledge, ${of}, each without a pause`, { ...asking, everyMs: null }, 100);
    await measure(`sendMessage → whole answer, ${of}, each once in 2 s`, { ...chatting, everyMs: 2_000 }, null);
    await measure(`sendMessage → whole answer, ${of}, each without a pause`, { ...chatting, everyMs: null }, null);
    return figures;
  } finally {
    await atrium.stop();
  }
};

/** On questions that nobody had in sight while rules and weights were made, and on those that they were made with. */
async function rightness(say: (text: string) => void): Promise<Figure[]> {
  say("asking the labelled questions");
  const all = evaluationQuestions();
  const seen = await measureAnswers(
    "INGESTED",
    all.filter(({ heldOut }) => !heldOut),
  );
  const unseen = await measureAnswers(
    "INGESTED",
    all.filter(({ heldOut }) => heldOut),
  );
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const shares = [
    ["answers that are right (precision)", "precision", 93],
    ["answerable questions answered rightly (recall)", "recall", 75],
    ["unanswerable questions refused", "refused", 95],
  ] as const;
  return shares.map(([what, share, target]) => ({
    what: `${what}, ${unseen.questions} held-out questions`,
    value: `${percent(unseen[share])} (${percent(seen[share])} of the ${seen.questions} that they were made with)`,
    reach: atLeast(target, " %", unseen[share] * 100),
  }));
}

interface Observed extends Outcome {
  /** Of the server, for one operation. */
  processorMsEach: number;
}

async function observed(atrium: Atrium, plan: Plan): Promise<Observed> {
  const id = atrium.process.pid!;
  const before = processorMs(id);
  const outcome = await generateLoad(plan);
  // The warm-up took its part.
  const share = outcome.ms / (outcome.ms + plan.warmUpMs);
  return { ...outcome, processorMsEach: ((processorMs(id) - before) * share) / outcome.latencies.length };
}

function figureOf(what: string, { latencies, ms, processorMsEach }: Observed, limitMs: number | null): Figure {
  const value = [
    spread(latencies),
    perSecond(latencies.length, ms),
    `${processorMsEach.toFixed(1)} ms of processor each (${rounded(1_000 / processorMsEach)} per processor second)`,
  ].join(", ");
  return { what, value, ...(limitMs && { reach: below(limitMs, "ms p95", percentile(latencies, 0.95)) }) };
}

async function givenBot({ client }: Caller, knowledgeBaseId: string): Promise<string> {
  const { createChatbotDraft } = await client.ask(
    `mutation ($input: CreateChatbotDraftInput!) { createChatbotDraft(input: $input) { draft { id } userErrors { code } } }`,
    { input: { name: "Reporter", knowledgeBaseIds: [knowledgeBaseId] } },
  );
  const { finalizeChatbotDraft } = await client.ask(
    `mutation ($input: FinalizeChatbotDraftInput!) { finalizeChatbotDraft(input: $input) { chatbot { id } userErrors { code } } }`,
    { input: { draftId: createChatbotDraft.draft.id } },
  );
  return finalizeChatbotDraft.chatbot.id as string;
}
