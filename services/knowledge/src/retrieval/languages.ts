import { stemmer as dutch } from "@orama/stemmers/dutch";
import { stemmer as french } from "@orama/stemmers/french";
import { stemmer as german } from "@orama/stemmers/german";
import { stemmer as italian } from "@orama/stemmers/italian";
import { stemmer as portuguese } from "@orama/stemmers/portuguese";
import { stemmer as spanish } from "@orama/stemmers/spanish";
import { stemEnglish } from "./english-stemmer";

/** The languages whose endings are known. A text in another language is searched by its words as they stand. */
export const languages = ["en", "de", "fr", "es", "it", "nl", "pt"] as const;
export type Language = (typeof languages)[number];

const list = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/).filter(Boolean));

/** Words that carry grammar alone. Kept short: a word left in costs little, a word taken out is never found again. */
const stopWords: Record<Language, ReadonlySet<string>> = {
  en: list(`a about all also am an and any are aren't arent as at be because been being both but by can't cant could
    couldn't couldnt did didn't didnt do does doesn't doesnt doing don't dont each for from had hadn't hadnt has hasn't
    hasnt have haven't havent having he her here hers him his how i if in into is isn't isnt it its itself just let me
    more most my no nor not of on once only or other our ours ourselves own same she should shouldn't shouldnt so some
    such than that the their theirs them themselves then there these they this those through to too very was wasn't
    wasnt we were weren't werent what when where whether which while who whom whose why will with won't wont would
    wouldn't wouldnt you your yours yourself can may`),
  de: list(`aber alle allem allen aller alles als also am an ander andere anderen anderer auch auf aus bei beim bin bis
    bist da damit dann das dass daß dein deine dem den denn der deren des dessen deshalb dich die dies diese diesem
    diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas euch euer für gegen hab habe
    haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist ja jede jedem
    jeden jeder jedes jene jenem jenen kann kein keine keinem keinen keiner können könnte mein meine mich mir mit muss
    müssen nach nicht nichts noch nun nur ob oder ohne sehr seit sein seine seinem seinen seiner selbst sich sie sind so
    solche soll sollen sollte sondern sonst über um und uns unser unsere unter vom von vor während wann war waren warum was
    weil welche welchem welchen welcher welches wem wen wenn wer werde werden weshalb wessen wie wieder wieso wird wirst wo woher wohin wollen wurde wurden würde
    zu zum zur zwar zwischen`),
  fr: list(`à au aux avec c ce ces cet cette ceux comme d dans de des du elle elles en est et être eu il ils j je l la
    le les leur leurs lui m ma mais me même mes moi mon n ne nos notre nous on ont ou où par pas pour plus qu que quel
    quelle quelles quels qui s sa sans se sera ses si son sont sur t ta te tes toi ton tu un une vos votre vous y était
    étaient été avait avoir ai as a fait`),
  es: list(`a al algo como con contra cual cuando de del desde donde dos el ella ellas ellos en entre era eran es esa
    esas ese eso esos esta está están estas este esto estos fue fueron ha han hasta hay la las le les lo los más me mi
    mis muy no nos o otra otro para pero por porque que qué quien se ser si sí sin sobre son su sus también te tiene tu
    tus un una uno unos y ya yo`),
  it: list(`a ad agli ai al alla alle allo anche c che chi ci come con cui da dal dalla dalle dei degli del della delle
    dello di e è ed era erano essere gli ha hanno i il in io l la le lei li lo loro ma mi mia mio ne nei nel nella nelle
    non o per perché più quale quando quella quelle quello questa queste questi questo se sei si sia sono su sua sue sui
    sul sulla suo un una uno`),
  nl: list(`aan al alle als altijd ben bij daar dan dat de der deze die dit doch door dus een en er ge geen haar had heb
    hebben heeft het hier hij hoe hun ik in is ja je kan kon maar me meer men met mij mijn moet na naar niet niets nog nu
    of om omdat onder ons ook op over te tegen toch toen tot u uit uw van veel voor want waren was wat we wel werd wie
    wij wil worden zal ze zich zij zijn zo zonder zou`),
  pt: list(`a à ao aos as às até com como da das de dela dele do dos e é ela elas ele eles em entre era eram essa esse
    esta está este eu foi foram há isso isto já lhe mais mas me meu minha muito na não nas nem no nos nós o os ou para
    pela pelas pelo pelos por qual quando que quem se sem ser seu seus só sua suas também te tem um uma você`),
};

/**
 * Words with which people wrap a question and which say nothing about its subject. They are indexed (a document may be
 * about «examples»), but dropped from a query that has other words.
 */
const questionWords: Record<Language, ReadonlySet<string>> = {
  en: list(`must shall please tell show find give explain describe list many much know want need get got anyone anybody someone
    something anything question answer happened happen  does exist exists there us say says said mentioned mention
    according document documents kindly wonder wondering`),
  de: list(`dürfen darf bitte sag sage sagen zeig zeige zeigen finde finden gib erkläre erklären beschreibe nenne nennen viel viele
    wieviel wieviele wissen möchte will brauche gibt frage antwort laut dokument dokumente dokumenten steht lautet
    jemand man`),
  fr: list(`combien quand pourquoi comment peut peux veux donne montre dis expliquer selon document documents`),
  es: list(
    `cuánto cuánta cuántos cuántas cuanto cuantos cómo dónde puede puedo quiero dime muestra según documento documentos`,
  ),
  it: list(`quanto quanta quanti quante dove puoi posso voglio dimmi mostra secondo documento documenti`),
  nl: list(`hoeveel waar waarom wanneer welke kunt kan wil geef toon volgens document documenten`),
  pt: list(`quanto quanta quantos quantas onde pode posso quero diga mostre segundo documento documentos`),
};

const stemmers: Record<Language, (word: string) => string> = {
  en: stemEnglish,
  de: (word) => german(germanUmlauts(word)),
  fr: french,
  es: spanish,
  it: italian,
  nl: dutch,
  pt: portuguese,
};

export const isStopWord = (language: Language, word: string): boolean => stopWords[language].has(word);
export const isQuestionWord = (language: Language, word: string): boolean => questionWords[language].has(word);

/** The stem of a lower-case word, without accents, so that «Prüfung», «Pruefung» and «prufung» meet. */
export function stem(language: Language, word: string): string {
  if (word.length < 3) return foldAccents(word);
  return foldAccents(stemmers[language](word)) || word;
}

const germanUmlauts = (word: string) =>
  word.replace(/([^aeiouäöüq])([aou])e/g, (_, before: string, vowel: string) => before + umlautOf[vowel]!);
const umlautOf: Record<string, string> = { a: "ä", o: "ö", u: "ü" };

const unfoldable: Record<string, string> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ı: "i",
};

/** Without diacritics: «Besançon» → «besancon», «Straße» → «strasse». Lower case in, lower case out. */
export function foldAccents(word: string): string {
  for (let at = 0; at < word.length; at++) {
    if (word.charCodeAt(at) <= 127) continue;
    return word
      .normalize("NFD")
      .replace(/\p{M}/gu, "")
      .replace(/[ßæœøłđðþı]/g, (character) => unfoldable[character]!);
  }
  return word;
}

/** For each language a bit, set where the word is a stop word of it. */
export function stopWordMask(word: string): number {
  let mask = 0;
  for (let index = 0; index < languages.length; index++) if (stopWords[languages[index]!].has(word)) mask |= 1 << index;
  return mask;
}

// Fewer stop words than this say nothing: a table of English labels with one «an» in it isn't Dutch.
const evidenceMin = 2;

/** The language whose stop words were counted most often; English where there is no evidence. */
export function languageByCounts(counts: ArrayLike<number>, text: string): Language {
  let best = 0;
  for (let index = 1; index < languages.length; index++) if (counts[index]! > counts[best]!) best = index;
  if (counts[best]! >= evidenceMin) return languages[best]!;
  return /[äöüß]/i.test(text) ? "de" : "en";
}

export const isLanguage = (text: string | undefined): text is Language =>
  text !== undefined && (languages as readonly string[]).includes(text);
