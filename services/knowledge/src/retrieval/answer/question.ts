import { foldAccents } from "../languages";
import type { WeighedQuery } from "../weigh";
import type { Shape } from "./shapes";

export type QuestionKind =
  "WHO" | "WHEN" | "WHERE" | "WHY" | "HOW_MANY" | "HOW_MUCH" | "HOW" | "YES_NO" | "DEFINITION" | "LIST" | "FACT";

export interface QuestionWord {
  /** What a match of it is worth. */
  readonly weight: number;
  /** A name, a number or a code: the evidence must be about this very one. */
  readonly isEntity: boolean;
  /** What is asked for («fee» in «What is the fee of the card?»): the answer must speak of it itself. */
  readonly isFocus: boolean;
  /** «allowed», «forbidden»: «may» and «must not» say the same. */
  readonly isPermission: boolean;
  /** «cost», «date», «speed»: an amount of money, a date, a speed says the same. */
  readonly isShapeItself: boolean;
  /** «long» of «how long». */
  readonly isMeasure: boolean;
  /** The verb of a «when», «who» or «where»: what happened then is asked, not the time of something else. */
  readonly isPredicate: boolean;
}

/** A number and the side of it that is spoken of. */
export interface Comparison {
  readonly side: "ABOVE" | "BELOW";
  readonly number: string;
}

const above =
  "more than|over|above|exceed(?:s|ing)?|greater than|longer than|higher than|beyond|from|mehr als|über|ab|länger als|höher als";
const below =
  "up to|less than|under|below|at most|no more than|not more than|fewer than|within|until|bis zu|bis|unter|weniger als|höchstens|maximal";
const comparisonPattern = new RegExp(
  String.raw`(?<!\p{L})(?:(?<below>no more than|not more than|${below})|(?<above>${above}))\s+(?:a |an |the |of )?[$€£]?(?<number>\d[\d.,]*)`,
  "giu",
);

/** The numbers of a text that bound something, and from which side. */
export function comparisonsIn(text: string): Comparison[] {
  return [...text.matchAll(comparisonPattern)].map(({ groups }) => ({
    side: groups!.above ? "ABOVE" : "BELOW",
    number: groups!.number!.replace(/[.,]+$/, "").replace(/,(?=\d{3})/g, ""),
  }));
}

export interface Question {
  readonly query: WeighedQuery;
  readonly kind: QuestionKind;
  /** Any one of them makes an answer; none: anything may. */
  readonly shapes: readonly Shape[];
  /** WHEN may also be answered by «after the trip». */
  readonly allowsRelativeTime: boolean;
  /** By place in `query.words`. */
  readonly words: readonly QuestionWord[];
  /** «more than 500», «under 18»: the side of a number that is asked about. */
  readonly comparison: Comparison | null;
  /** How long, high or heavy a thing is: then the answer must speak of its length, height or weight. */
  readonly measured: boolean;
  /** Asks for something that happened, which a field of a form doesn't tell. */
  readonly wantsProse: boolean;
  /** Asks for the name of something, or who somebody is: the name must stand beside what it is the name of. */
  readonly namesFocus: boolean;
  /** The word that is counted by «how many», by its place in `query.words`. */
  readonly counted: number | null;
  readonly german: boolean;
}

/** «how old», «how far»: what the adjective measures. It needn't stand in the answer, its measure must. */
const measures: Record<string, readonly Shape[]> = {
  old: ["AGE"],
  alt: ["AGE"],
  long: ["DURATION", "LENGTH"],
  lang: ["DURATION", "LENGTH"],
  lange: ["DURATION"],
  far: ["LENGTH"],
  weit: ["LENGTH"],
  high: ["LENGTH", "MONEY", "DURATION"],
  hoch: ["LENGTH", "MONEY", "QUANTITY"],
  tall: ["LENGTH"],
  deep: ["LENGTH"],
  tief: ["LENGTH"],
  wide: ["LENGTH"],
  breit: ["LENGTH"],
  heavy: ["WEIGHT"],
  schwer: ["WEIGHT"],
  fast: ["SPEED"],
  quickly: ["DURATION", "TIME"],
  soon: ["DURATION", "TIME", "DATE"],
  schnell: ["SPEED"],
  often: ["FREQUENCY"],
  oft: ["FREQUENCY"],
  frequently: ["FREQUENCY"],
  häufig: ["FREQUENCY"],
  hot: ["TEMPERATURE"],
  cold: ["TEMPERATURE"],
  big: ["QUANTITY"],
  large: ["QUANTITY"],
  groß: ["QUANTITY"],
  steep: ["NUMBER"],
  loud: ["NUMBER"],
  early: ["TIME", "DURATION", "DATE"],
  late: ["TIME", "DURATION", "DATE"],
  much: ["QUANTITY", "DURATION"],
  viel: ["QUANTITY", "DURATION"],
  teuer: ["MONEY"],
  expensive: ["MONEY"],
};

/** «what is the speed»: nouns that want a value of a shape. The noun itself remains asked for. */
const nouns: readonly (readonly [RegExp, readonly Shape[]])[] = [
  [/^(?:dates?|datum)$/, ["DATE"]],
  [/^(?:days?|tag|tagen)$/, ["DATE", "NUMBER"]],
  [/^(?:time|hours|uhrzeit|uhr)$/, ["TIME", "DURATION", "DATE"]],
  [/^(?:year|jahr|month|monat)$/, ["DATE", "NUMBER"]],
  [
    /^(?:cost|costs|price|fee|preis|kosten|gebühr|salary|gehalt|zuschuss|kilometergeld|bonus|fare|rent|fine|penalty|discount|rate|charge)$/,
    ["MONEY"],
  ],
  [/^(?:speed|velocity|geschwindigkeit)$/, ["SPEED"]],
  [/^(?:weight|mass|gewicht)$/, ["WEIGHT"]],
  [
    /^(?:length|height|depth|width|distance|elevation|altitude|diameter|radius|länge|höhe|tiefe|breite|entfernung|durchmesser)$/,
    ["LENGTH"],
  ],
  [/^(?:temperature|temperatur)$/, ["TEMPERATURE"]],
  [/^(?:number|nummer|code|registration|id|extension|zip|postcode|isbn|iban|telefonnummer)$/, ["CODE"]],
  [
    /^(?:age|alter|amount|limit|maximum|minimum|size|percentage|share|capacity|pressure|voltage|power|flow|score|betrag|pauschale|anzahl|horsepower|visibility)$/,
    ["NUMBER"],
  ],
  [/^(?:duration|period|dauer|frist)$/, ["DURATION", "DATE", "NUMBER"]],
  [/^(?:brand|company|firm|country|city|town|capital|airline|airport|person|firma|stadt|hauptstadt|land)$/, ["NAME"]],
];

/** The words by which a shape is asked for. */
const namesOfShapes: Partial<Record<Shape, RegExp>> = {
  MONEY: /^(?:costs?|prices?|fees?|rates?|charges?|pay|expensive|kostet|kosten|preis|teuer|zahlen)$/,
  DATE: /^(?:dates?|days?|years?|months?|datum|tag|tagen|jahr|monat)$/,
  TIME: /^(?:time|hours|uhrzeit|uhr)$/,
  SPEED: /^(?:speed|fast|geschwindigkeit|schnell)$/,
  WEIGHT: /^(?:weight|heavy|gewicht|schwer)$/,
  TEMPERATURE: /^(?:temperature|temperatur)$/,
  DURATION: /^(?:duration|dauer)$/,
  LENGTH:
    /^(?:altitude|elevation|length|height|depth|width|distance|high|deep|long|wide|far|höhe|länge|tiefe|breite|hoch|lang|tief|breit)$/,
  NAME: /^(?:company|firm|country|city|town|person|firma|stadt|land|name)$/,
};

/** Words that any text may have or lack, whatever it is about. */
const generic = new Set(
  foldList(`per during within without before after between among over under up out off down around along across through above
    below near towards upon via since until by about against behind beside beyond inside outside onto also even just still
    pro während vor nach zwischen über unter neben
    go goes went come comes came bring put set small good bad early late see look find found want know think say said
    try let turn move become seem hear hold include included continue lead follow add offer wait stay reach remain pass
    large big new neu neue neuen neuer neues current currently main different own various kind type sort way thing things people person name number amount make made take use used work happen happened
    occur company need get give possible specific exactly information details used using usually people somebody
    haben gibt machen muss anzahl art weise information`),
);

function foldList(words: string): string[] {
  return words.split(/\s+/).map(foldAccents);
}

const germanQuestion =
  /^(?:wie|was|wer|wen|wem|wessen|wo|woher|wohin|wann|warum|weshalb|wieso|welche[rmns]?|wozu|wofür|ist|sind|darf|dürfen|kann|können|muss|müssen|wird|werden|gibt|hat|haben|bis|ab|seit|von)\b/i;
const englishInterrogative = /^(?:who|whom|whose|when|where|why|how|what|which)$/;
const germanInterrogative =
  /^(?:wer|wen|wem|wessen|wann|wo|woher|wohin|warum|weshalb|wieso|wie|wieviele?|was|welche[rmns]?)$/;
const auxiliary =
  /^(?:is|are|was|were|am|do|does|did|can|could|may|might|must|shall|should|will|would|has|have|had|isn't|aren't|doesn't|ist|sind|war|darf|dürfen|kann|können|muss|müssen|wird|werden|gibt es|hat|haben|gilt|sollte|soll)\s/i;

/** What is asked, and what an answer would look like. */
export function analyzeQuestion(query: WeighedQuery): Question {
  const text = query.text.trim().replace(/\s+/g, " ");
  const lower = text.toLowerCase();
  const german = query.language === "de" && (germanQuestion.test(text) || /[äöüß]/.test(lower));
  const tokens = lower.match(/[\p{L}\p{N}][\p{L}\p{N}'-]*/gu) ?? [];
  const interrogative = tokens.findIndex((token) => (german ? germanInterrogative : englishInterrogative).test(token));
  const asked = interrogative >= 0 ? tokens[interrogative]! : "";
  const after = interrogative >= 0 ? tokens.slice(interrogative + 1) : tokens;
  const next = after[0] ?? "";

  let kind: QuestionKind = "FACT";
  let shapes: readonly Shape[] = [];
  let dropped = "";
  let focus: readonly string[] = [];
  let counted = "";
  let measured = false;
  const startsWithAuxiliary = auxiliary.test(text) && (interrogative < 0 || interrogative > 3);
  if (startsWithAuxiliary) {
    kind = "YES_NO";
  } else if (/^(?:who|whom|whose|wer|wen|wem|wessen)$/.test(asked)) {
    kind = "WHO";
    const isIdentity =
      /^(?:is|was|are|were|ist|war|sind)$/.test(next) &&
      /^(?:the|a|an|our|der|die|das|unser)$/.test(after[1] ?? "") &&
      !/\b(?:responsible|in charge of)\b/.test(lower);
    shapes = isIdentity ? ["NAME"] : ["PERSON"];
    focus = isIdentity ? after.slice(1, 5) : [];
  } else if (/^(?:when|wann)$/.test(asked)) {
    kind = "WHEN";
    shapes = ["DATE", "TIME"];
  } else if (/^(?:where|wo|woher|wohin)$/.test(asked)) {
    kind = "WHERE";
    shapes = ["PLACE"];
  } else if (/^(?:why|warum|weshalb|wieso)$/.test(asked)) {
    kind = "WHY";
    shapes = ["REASON"];
  } else if (/^(?:how|wie|wieviele?)$/.test(asked)) {
    if (/^(?:many|viele)$/.test(next) || asked === "wieviele") {
      kind = "HOW_MANY";
      shapes = ["NUMBER"];
      counted = countedNoun(asked === "wieviele" ? after : after.slice(1));
      // «How many people»: pilots, passengers and visitors are people too.
      if (/^(?:people|persons|personen|leute|menschen)$/.test(counted)) counted = "";
      focus = [counted];
      if (/^(?:days|weeks|months|hours|years|minutes|tage|wochen|monate|stunden|jahre)$/.test(counted))
        shapes = ["DURATION", "NUMBER"];
    } else if (Object.hasOwn(measures, next)) {
      kind = "HOW_MUCH";
      shapes = measures[next]!;
      dropped = next;
      measured =
        /^(?:is|are|was|were|ist|sind|war|waren)$/.test(after[1] ?? "") &&
        !/(?:ed|en|ept|ade|own|ght|ent|old|eld|et|te?t)$/.test(after.at(-1) ?? "") &&
        /^(?:long|high|tall|deep|wide|heavy|old|far|loud|fast|lang|hoch|tief|breit|schwer|alt|weit|laut)$/.test(next);
      if (/^(?:much|viel)$/.test(next)) {
        // «how much diesel», but «how much does … cost», «how much is …»
        const noun = after[1] ?? "";
        if (!/^(?:does|do|is|are|was|were|can|may|will|of|did|ist|sind|wird|kostet)$/.test(noun)) focus = [noun];
        if (/^(?:is|are|was|were|ist|sind|kostet)$/.test(noun)) shapes = ["QUANTITY"];
        if (/\b(?:cost|costs|pay|paid|price|reimbursed|kostet|kosten|erstattet)\b/.test(lower)) shapes = ["MONEY"];
      }
    } else if (german && /^(?:heißt|lautet|nennt)$/.test(next)) {
      shapes = ["NAME"];
      focus = after.slice(1, 4);
    } else {
      kind = "HOW";
    }
  } else if (/^(?:what|which|was|welche[rmns]?)$/.test(asked)) {
    const isDefinition =
      asked === "what" &&
      /^(?:is|are)\s+(?:an?\s+)?[\p{L}\p{N}-]+(?:\s+[\p{L}\p{N}-]+)?$/u.test(after.join(" ")) &&
      !/^(?:is|are) the /.test(after.join(" "));
    kind = isDefinition || /\bmean(?:s|t)?$|\bdefinition\b|\bbedeutet\b/.test(lower) ? "DEFINITION" : "FACT";
    focus = focusOf(asked, after);
    shapes = german && /\bkoste[tn]\b/.test(lower) ? ["MONEY"] : shapesOfNoun(focus, after, lower);
  } else if (/^(?:list|name|enumerate|give|nenne|nennen|liste)$/.test(tokens[0] ?? "")) {
    kind = "LIST";
  }
  if (
    kind === "FACT" &&
    /^(?:which|what|welche)$/.test(asked) &&
    /(?:ies|[^s]s|en)$/.test(focus.at(-1) ?? "") &&
    /^(?:are|were|sind|gehören|belong)$/.test(after[focus.length] ?? "")
  )
    kind = "LIST";

  const isIn = (words: readonly string[], word: string) =>
    words.some((each) => foldAccents(each) === foldAccents(word) || each === word.replace(/-/g, ""));
  const totalRarity = query.words.reduce((sum, { rarity }) => sum + rarity, 0) || 1;
  const rarestKnown =
    Math.max(0, ...query.words.map(({ documentCount, rarity }) => (documentCount > 0 ? rarity : 0))) || Infinity;
  const clauseFrom = relativeClauseStart(query.text);
  const lastWord = query.words.findLastIndex(({ overlay }) => !overlay);
  // A word with a capital, or one after «of», is no verb.
  const isVerb =
    lastWord >= 0 &&
    /^\p{Ll}/u.test(query.text.slice(query.words[lastWord]!.start)) &&
    !/\b(?:of|the|a|an|in|at|for|der|die|das|des)\s+$/i.test(query.text.slice(0, query.words[lastWord]!.start));
  // «Who built the bridge?»
  const whoDoes =
    kind === "WHO" &&
    !/^(?:is|are|was|were|has|have|had|may|can|must|should|will|does|do|did|of)$/.test(next) &&
    !german
      ? query.words.findIndex(({ text: word }) => word === next)
      : -1;
  const predicate =
    whoDoes >= 0 ? whoDoes : /^(?:WHEN|WHO|WHERE|HOW_MANY|HOW_MUCH)$/.test(kind) && !measured && isVerb ? lastWord : -1;
  const words = query.words.map((word, wordNumber): QuestionWord => {
    const written = query.text.slice(word.start, word.end);
    const isFirst = query.text.slice(0, word.start).trim() === "";
    const isEntity =
      /\d/.test(written) ||
      (!german &&
        /^\p{Lu}/u.test(written) &&
        !isFirst &&
        !/^\p{Lu}+$/u.test(query.text) &&
        !calendarWord.test(written));
    // A word that stands nowhere isn't rarer than the rarest that does.
    const rarity = word.documentCount > 0 ? word.rarity : Math.min(word.rarity, rarestKnown);
    const isGeneric = generic.has(foldAccents(word.text)) && !isEntity;
    let weight = word.overlay ? 0 : Math.max(rarity, totalRarity * 0.02);
    if (word.text === dropped) weight *= 0.1;
    else if (word.start > clauseFrom && !isEntity) weight *= clauseShare;
    else if (isGeneric) weight *= genericShare;
    return {
      weight,
      isEntity,
      isFocus: !isEntity && word.text !== dropped && isIn(focus, word.text),
      isPermission:
        /^(?:allowed|permitted|possible|forbidden|prohibited|banned|erlaubt|verboten|gestattet|zulässig)$/.test(
          word.text,
        ),
      isShapeItself: shapes.some((shape) => namesOfShapes[shape]?.test(word.text)),
      isMeasure: word.text === dropped,
      isPredicate: wordNumber === predicate && !isGeneric,
    };
  });
  const countedAt = counted === "" ? -1 : query.words.findIndex((word) => word.text === counted);
  return {
    query,
    kind,
    shapes,
    allowsRelativeTime: kind === "WHEN",
    comparison: comparisonsIn(text)[0] ?? null,
    wantsProse: /^what (?:has )?happen|^was (?:ist )?(?:passiert|geschah)/.test(lower),
    measured,
    namesFocus:
      (kind === "WHO" && shapes[0] === "NAME") || /\b(?:name|names) of (?:the|a|an|our)\b|\p{L}'s name\b/u.test(lower),
    words,
    counted: countedAt < 0 ? null : countedAt,
    german,
  };
}

// «Sundays» may be met by «at weekends».
const calendarWord =
  /^(?:mon|tues|wednes|thurs|fri|satur|sun)days?$|^(?:january|february|march|april|june|july|august|september|october|november|december)$/i;

// «the pilot who crashed at Tallahassee»: says which pilot; the answer needn't say it again.
const clauseShare = 0.35;
const genericShare = 0.3;

function relativeClauseStart(text: string): number {
  const clause = /\p{L}{3,}\s+(?:who|that|which|whose)\s+(?:\p{L}+)/gu.exec(text);
  return clause && clause.index > 8 ? clause.index + clause[0].search(/\s(?:who|that|which|whose)\s/) : Infinity;
}

const edges =
  /^(?:of|for|in|at|on|from|to|by|with|per|after|before|when|if|that|which|does|do|did|is|are|was|were|has|have|had|can|may|must|should|will|would|the|von|für|bei|des|der|im|in|am|auf|zum|zur|wird|werden|ist|sind|darf|muss|kann|gilt)$/;

/** «How many clear nights are there»: nights. */
function countedNoun(after: readonly string[]): string {
  const end = after.findIndex(
    (word) => edges.test(word) || /^(?:and|or|und|oder|i|you|we|off|there|per|as|haben|gibt|stehen|nehmen)$/.test(word),
  );
  return after.slice(0, end < 0 ? 2 : Math.min(end, 3)).at(-1) ?? "";
}

/** The words between «what is the» or «which» and the next preposition or verb: what is asked for. */
function focusOf(asked: string, after: readonly string[]): string[] {
  let at = 0;
  while (
    at < after.length &&
    /^(?:is|are|was|were|does|do|did|the|a|an|our|your|my|ist|sind|war|der|die|das|kind|type|sort|parts?|of|s|'s|name|number|date|happens?|happened)$/.test(
      after[at]!,
    )
  )
    at++;
  const words: string[] = [];
  for (; at < after.length && words.length < 4 && !edges.test(after[at]!); at++) words.push(after[at]!);
  return asked === "was" && words.length === 0 ? after.slice(0, 2) : words;
}

function shapesOfNoun(focus: readonly string[], after: readonly string[], lower: string): readonly Shape[] {
  if (/\b(?:telephone|phone|fax|serial|order|account|accident|room|part|invoice|article)\s+number\b/.test(lower))
    return ["CODE"];
  // A model may be called «O-320».
  if (/\b(?:model|type)\b/.test(lower)) return ["NAME", "CODE"];
  if (/\b(?:kind|sort|make|brand) of\b/.test(lower)) return ["NAME"];
  if (/\bname of\b|\bnames of\b|\bcalled\b/.test(lower) || /'s name\b/.test(lower)) return ["NAME"];
  const head = after.slice(0, 8).filter((word) => focus.includes(word) || /^(?:date|number|name)$/.test(word));
  for (const word of [...head].reverse()) for (const [pattern, shapes] of nouns) if (pattern.test(word)) return shapes;
  return [];
}
