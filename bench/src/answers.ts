import { signedUp, type Atrium, type Caller } from "@atrium/testing";
import { colleagues, createKnowledgeBase, ingest, sourceFiles, startHouse, upload } from "./house";
import { generateLoad } from "./load";
import type { Outcome, Plan } from "./load/plan";
import { processorMs } from "./process-tree";
import { questions } from "./questions";
import { percentile, perSecond, rounded, spread } from "./statistics";
import { below, type Figure, type Measure } from "./table";

const callers = 100;
const timing = { ms: 10_000, warmUpMs: 3_000 };

const answerFromKnowledge = `query Answer($ids: [ID!]!, $question: String!) {
  answerFromKnowledge(knowledgeBaseIds: $ids, question: $question) {
    answered confidence text
    sentences { text citations { document { id title } page headingPath start end quote } } } }`;

/** Questions to documents and to a bot, by a hundred people of one organization, over HTTP and WebSocket. */
export const answers: Measure = async (say) => {
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

    const figures: Figure[] = [];
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
