import { plain, type Answer, type Occasion } from "./answer";
import { spoken } from "./intent";
import { phrasesIn, spokenLanguage, type SpokenLanguage } from "./phrases";

type Topic = "greeting" | "welcome" | "goodbye" | "fine" | "self" | "understood";

// Whole messages: «Hello, what does clause 4 say?» is a question.
const sayings: Record<SpokenLanguage, Record<Topic, readonly string[]>> = {
  en: {
    greeting: ["hi", "hello", "hey", "hi there", "hello there", "good morning", "good afternoon", "good evening"],
    welcome: ["thanks", "thank you", "thank you very much", "thanks a lot", "many thanks", "thx", "ok thanks"],
    goodbye: ["bye", "goodbye", "bye bye", "see you", "good night", "have a nice day"],
    fine: ["how are you", "how are you doing", "how do you do", "hello how are you", "hi how are you"],
    self: ["who are you", "what are you", "what is your name", "what's your name", "are you a bot", "are you human"],
    understood: ["ok", "okay", "i see", "got it", "great", "good", "fine", "perfect", "nice"],
  },
  de: {
    greeting: [
      "hallo",
      "guten morgen",
      "guten tag",
      "guten abend",
      "moin",
      "servus",
      "grüß gott",
      "grüezi",
      "hallo zusammen",
    ],
    welcome: [
      "danke",
      "danke schön",
      "dankeschön",
      "vielen dank",
      "herzlichen dank",
      "besten dank",
      "danke sehr",
      "ok danke",
    ],
    goodbye: ["tschüss", "tschüß", "auf wiedersehen", "ciao", "bis bald", "gute nacht", "schönen tag noch"],
    fine: ["wie geht's", "wie gehts", "wie geht es dir", "wie geht es ihnen", "hallo wie geht's", "wie geht's dir"],
    self: [
      "wer bist du",
      "wer sind sie",
      "was bist du",
      "wie heißt du",
      "wie heißen sie",
      "bist du ein bot",
      "bist du ein mensch",
    ],
    understood: ["alles klar", "in ordnung", "verstanden", "gut", "super", "prima", "sehr gut", "okay gut"],
  },
};

const topics = new Map<string, { language: SpokenLanguage; topic: Topic }>();
for (const [language, byTopic] of Object.entries(sayings))
  for (const [topic, texts] of Object.entries(byTopic))
    for (const text of texts) topics.set(text, { language: language as SpokenLanguage, topic: topic as Topic });

/** The answer to a message that is a courtesy and nothing else; null when it isn't. */
export function answerToSmallTalk({ settings, text }: Occasion): Answer | null {
  const found = topics.get(spoken(text));
  if (!found) return null;
  const { language, topic } = found;
  const say = phrasesIn(language);
  const reply = say[topic];
  if (typeof reply === "string") return plain("SMALL_TALK", reply);
  // The bot's own greeting is in its own language.
  const own = topic === "greeting" && language === spokenLanguage(settings.language) ? settings.greeting : "";
  return plain("SMALL_TALK", own || reply(settings.name));
}
