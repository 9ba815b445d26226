import type { AskKnowledge } from "../clients/knowledge";
import { plain, type Answer, type Occasion } from "./answer";
import { answerToArithmetic } from "./arithmetic";
import { phrasings } from "./follow-up";
import { answerToIntent } from "./intent";
import { phrasesIn, spokenLanguage } from "./phrases";
import { answerToSmallTalk } from "./small-talk";

/**
 * Answers without a model: commands, courtesies and calculations at once, everything else in the documents' own words
 * with the places where they stand, or not at all. Rejects only when knowledge can't be asked.
 */
export async function answerAtTierOne(occasion: Occasion, ask: AskKnowledge): Promise<Answer> {
  return (
    answerToIntent(occasion) ??
    answerToSmallTalk(occasion) ??
    answerToArithmetic(occasion) ??
    (await answerFromDocuments(occasion, ask))
  );
}

async function answerFromDocuments({ settings, text, history }: Occasion, ask: AskKnowledge): Promise<Answer> {
  const { knowledgeBaseIds } = settings;
  const refusal = settings.refusalText ?? phrasesIn(spokenLanguage(settings.language)).refusal;
  if (knowledgeBaseIds.length === 0) return plain("NO_KNOWLEDGE_BASE", refusal);
  let evidence = 0;
  for (const question of phrasings(text, history)) {
    const found = await ask(knowledgeBaseIds, question);
    if (found.answered && found.sentences.length > 0) {
      const route = { tier: 1, reason: "KNOWLEDGE", evidence: found.confidence, costMicros: 0 } as const;
      return { sentences: found.sentences, route };
    }
    evidence = Math.max(evidence, found.confidence);
  }
  return plain("NOT_IN_DOCUMENTS", refusal, evidence);
}
