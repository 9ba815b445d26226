import { plain, type Answer, type Occasion } from "./answer";
import { phrasesIn, spokenLanguage, type SpokenLanguage } from "./phrases";

/** The command by which a participant begins anew. */
export const resetCommand = "/reset";

const helpCommands = ["/help", "/hilfe", "/start"];
const personCommands = ["/human", "/agent", "/mensch"];

// Only a message that says nothing else: «I'd like to talk to a person about clause 4» is a question of the documents'.
const personWishes: [SpokenLanguage, RegExp][] = [
  [
    "en",
    /^(?:(?:please|i(?:'d| would)? (?:want|like|need)|can i|could i|may i|let me) ?(?:to )?(?:please )?)?(?:talk|speak|chat|connect me)(?: to| with) (?:a|an|some|another|the)? ?(?:real |live )?(?:person|human|human being|agent|someone|somebody|operator|representative|staff)(?: please)?$/,
  ],
  [
    "de",
    /^(?:bitte |ich (?:möchte|will|würde gern|würde gerne|muss) |kann ich |darf ich )?(?:bitte )?(?:mit )?(?:einem |einen |einer )?(?:echten |richtigen )?(?:menschen|mitarbeiter|mitarbeiterin|berater|jemandem)(?: bitte)? (?:sprechen|reden|chatten)(?: bitte)?$/,
  ],
];

/** The answer to a command, or to a wish that only a person could fulfil; null when the message is neither. */
export function answerToIntent({ settings, text }: Occasion): Answer | null {
  const language = spokenLanguage(settings.language);
  const command = /^\/\p{L}[\p{L}\d_-]{0,30}$/u.exec(text.trim())?.[0].toLowerCase();
  if (command) return plain("COMMAND", replyTo(command, language));
  const said = spoken(text);
  for (const [spokenIn, wish] of personWishes) {
    if (said.length <= 120 && wish.test(said)) return plain("COMMAND", phrasesIn(spokenIn).person);
  }
  return null;
}

function replyTo(command: string, language: SpokenLanguage): string {
  const say = phrasesIn(language);
  if (helpCommands.includes(command)) return say.help;
  if (command === resetCommand) return say.reset;
  if (personCommands.includes(command)) return say.person;
  return say.unknownCommand(command);
}

/** What was said, without case, punctuation and repeated spaces. */
export const spoken = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[’`]/g, "'")
    .replace(/[^\p{L}\p{N}' ]+/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
