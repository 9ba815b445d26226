/** What an answer has to contain to be one, told from the question. */
export type Shape =
  | "DATE"
  | "TIME"
  | "MONEY"
  | "DURATION"
  | "AGE"
  | "QUANTITY"
  | "FREQUENCY"
  | "LENGTH"
  | "WEIGHT"
  | "SPEED"
  | "TEMPERATURE"
  | "NUMBER"
  | "CODE"
  | "NAME"
  | "PERSON"
  | "PLACE"
  | "REASON";

const numberWords =
  "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half|once|twice|both|dozen|first|second|third|fourth|fifth|sixth|no|none|" +
  "eins?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|dreißig|hundert|tausend|halbe[rsn]?|einmal|zweimal|kein|keine";
const months =
  "jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?";
const timeUnits =
  "seconds?|minutes?|mins?|hours?|hrs?|days?|nights?|weeks?|weekends?|months?|quarters?|years?|decades?|shifts?|sekunden?|minuten?|stunden?|tag(?:e|en|es)?|arbeitstag(?:e|en)?|wochen?|monat(?:e|en|s)?|jahr(?:e|en|es)?";
const lengthUnits =
  "mm|cm|m|km|metres?|meters?|kilometres?|kilometers?|millimetres?|centimetres?|inch(?:es)?|in|ft|foot|feet|yards?|miles?|mi|nm|nautical|msl|agl|meter|metern|kilometern?|characters?|digits?|letters?|words?|pages?|zeichen|buchstaben|wörter|seiten";
const amount = String.raw`(?:\d[\d.,/]*|${numberWords})`;
const withUnit = (units: string) =>
  new RegExp(
    String.raw`(?:^|[^\p{L}\p{N}])${amount}(?:\s|-|–|\s?to\s?|\s?bis\s?|\s\p{L}+\s)*(?:${units})(?![\p{L}\p{N}])`,
    "iu",
  );
const anyNumber = new RegExp(String.raw`\d|(?<![\p{L}\p{N}])(?:${numberWords})(?![\p{L}\p{N}])`, "iu");
const date = new RegExp(
  [
    String.raw`\d{1,4}[./-]\d{1,2}[./-]\d{2,4}`,
    String.raw`(?<!\p{L})(?:${months})\.?(?:\s+\d|$|[^\p{L}])`,
    String.raw`(?<!\d)(?:1[5-9]|20)\d\d(?!\d)`,
    String.raw`(?<!\p{L})(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|montags?|dienstags?|mittwochs?|donnerstags?|freitags?|samstags?|sonntags?)(?!\p{L})`,
    String.raw`(?:on|am|zum|by)\s+(?:the\s+)?\d{1,2}(?:st|nd|rd|th|\.)`,
    String.raw`(?<!\p{L})(?:today|tomorrow|yesterday|christmas|easter)(?!\p{L})`,
  ].join("|"),
  "iu",
);
const time =
  /(?<!\d)\d{1,2}[:.]\d{2}(?!\d)|(?<!\d)[0-2]\d[0-5]\d\s?(?:hours|hrs|h|[A-Z]{2,4}|local|utc)(?!\p{L})|(?<!\d)\d{1,2}\s?(?:am|pm|a\.m\.|p\.m\.|o'clock|uhr)|(?:at|around|about|approximately)\s+[0-2]\d[0-5]\d(?!\d)|\b(?:noon|midnight)\b/iu;
/** «after the trip», «from the fourth day», «with the next payroll run»: when without a date. */
const relativeTime = new RegExp(
  String.raw`(?<!\p{L})(?:before|after|until|till|by|within|during|while|when|whenever|once|if|as soon as|every|at the end|at the beginning|with the next|immediately|at once|only|since|as of|(?:from|on|ab|am) (?:the |dem )?(?:\p{L}+|\d+(?:st|nd|rd|th|\.)?) (?:${timeUnits})|vor|nach|bis|innerhalb|sobald|wenn|spätestens|seit|ab|jede[nrs]?)(?!\p{L})`,
  "iu",
);
const frequency = new RegExp(
  String.raw`(?<!\p{L})(?:every|each|per|daily|weekly|monthly|quarterly|yearly|annually|hourly|nightly|once|twice|times|always|never|regularly|a (?:day|week|month|year)|jede[nrs]?|alle|täglich|wöchentlich|monatlich|jährlich|mal|je|pro)(?!\p{L})`,
  "iu",
);
const reason = new RegExp(
  String.raw`(?<!\p{L})(?:because|since|due to|owing to|caused?|causes|as a result|result(?:s|ed|ing)?|so that|in order to|therefore|reason|factors?|contributed|failure|failed|improper|loss|weil|da|damit|wegen|aufgrund|grund|deshalb|basis|for this|led to)(?!\p{L})`,
  "iu",
);
const roles =
  /(?<!\p{L})(?:\p{L}*(?:manager|officer|director|head|lead|leader|team|department|engineer|operator|owner|government|authority|agency|bureau|board|council|committee|court|supplier|buyer|customer|dealer|service|desk|pilot|captain|doctor|physician|electrician|inspector|investigator|supervisor|employees?|staff|everyone|everybody|nobody|anyone|visitors?|contractors?|company|president|minister|secretary|controller|resources|insurance|leitung|führungskraft|abteilung|beauftragte[nr]?|beschäftigte[nr]?|vorstand|leiter(?:in)?|amt|behörde))(?!\p{L})/iu;

/** Years and dates number nothing. */
const calendarYear = new RegExp(
  String.raw`(?<!\p{L})(?:(?:in|since|until|till|by|from|of|to|im|seit|bis|(?:${months})\.?)\s+)(?:\d{1,2},?\s+)?(?:1[5-9]|20)\d\d(?!\d)|\d{1,4}[./-]\d{1,2}[./-]\d{2,4}`,
  "giu",
);
const timeSpan = new RegExp(String.raw`${amount}[\s-]*(?:${timeUnits})(?!\p{L})`, "giu");
const measured = /\d[\d.,]*\s?(?:\p{L}|[%°µ$€£])/u;

const patterns: Record<Exclude<Shape, "NAME" | "PERSON" | "PLACE" | "NUMBER" | "CODE" | "QUANTITY">, RegExp> = {
  DATE: date,
  TIME: time,
  MONEY:
    /[$€£¥]\s?\d|\d[\d.,]*\s?(?:[$€£¥]|eur|euros?|usd|dollars?|cents?|gbp|pounds?|chf|franken|crowns?|kroner?|kronen|yen|rupees?|francs?|pence|p|percent|per cent|prozent|%)(?!\p{L})|(?<!\p{L})(?:free|free of charge|kostenlos|without (?:extra )?cost)(?!\p{L})/iu,
  DURATION: withUnit(timeUnits),
  FREQUENCY: frequency,
  AGE: /(?<!\p{L})(?:aged?|alter|old|alt)(?!\p{L})/iu,
  LENGTH: withUnit(lengthUnits),
  WEIGHT: withUnit("kg|g|mg|t|kilograms?|kilogramm|grams?|gramm|tonnes?|tons?|tonnen?|lbs?|pounds?|ounces?|oz"),
  SPEED: withUnit(
    String.raw`km/h|kmh|mph|kph|kts?|kn|knots?|knoten|m/s|(?:kilo)?met(?:re|er)s? per (?:second|hour)|miles per hour`,
  ),
  TEMPERATURE: /-?\d[\d.,]*\s?(?:°\s?[CFK](?!\p{L})|degrees|grad|kelvin)/iu,
  REASON: reason,
};

const isNoName = /\d|^(?:None|No|Yes|Unknown|Not|N\/A|NA|GBP|EUR|USD|CHF|VAT|PDF|AM|PM|UTC|GMT|CET|[A-Z]ST|[A-Z]DT)$/;

/** Capitalised words that don't merely begin the sentence, and aren't in the question. */
function hasName(value: string, isAsked: (word: string) => boolean, startsStatement: boolean): boolean {
  let first = startsStatement;
  for (const match of value.matchAll(/[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu)) {
    const word = match[0].replace(/['’]s$|[.]$/u, "");
    const quoted = /["“„«]$/.test(value.slice(0, match.index));
    if (isNoName.test(word)) continue;
    if (
      (/^\p{Lu}/u.test(word) && !first && !/^(?:I|A|The|An|It|He|She|They|We|Der|Die|Das|Ein|Eine)$/u.test(word)) ||
      quoted
    )
      if (!isAsked(word)) return true;
    first = /[.:!?]\s*$/.test(value.slice(0, match.index + match[0].length));
  }
  return false;
}

export interface ShapeContext {
  /** Whether a word was part of the question: repeating it answers nothing. */
  readonly isAsked: (word: string) => boolean;
  /** Whether `value` begins a sentence, where every word has a capital. */
  readonly startsSentence: boolean;
  readonly german: boolean;
}

/** Whether `value` contains something of this shape that the question didn't say itself. */
export function hasShape(shape: Shape, value: string, { isAsked, startsSentence, german }: ShapeContext): boolean {
  // A number that was asked about isn't the number that was asked for.
  const fresh = value.replace(/[\p{L}\p{N}][\p{L}\p{N}.,/:'-]*/gu, (word) =>
    /\d/.test(word) && isAsked(word.replace(/[.,:]+$/, "")) ? "#" : word,
  );
  switch (shape) {
    case "DURATION":
    case "LENGTH":
      // «every two metres», «once a year» say how often, not how long.
      return patterns[shape].test(
        fresh.replace(/(?<!\p{L})(?:every|each|alle|per|pro|once an?|times an?)\s+[\p{L}\d.,]+(?:\s+\p{L}+)?/giu, " "),
      );
    case "AGE":
      return anyNumber.test(fresh) && patterns.AGE.test(value);
    case "QUANTITY":
      return patterns.MONEY.test(fresh) || measured.test(fresh.replace(timeSpan, " "));
    case "NUMBER":
      return anyNumber.test(fresh.replace(calendarYear, " "));
    case "CODE":
      return /(?<![\p{L}\p{N}])(?=[\p{L}\p{N}/-]*\d)[\p{L}\p{N}][\p{L}\p{N}/.-]*/u.test(fresh);
    case "NAME":
      return hasName(value, isAsked, startsSentence);
    case "PERSON":
      // In German every noun has a capital; one that wasn't asked about is the best there is to go by.
      return (
        roles.test(withoutAsked(value, isAsked)) ||
        hasName(value, isAsked, startsSentence && !german) ||
        /@/.test(value)
      );
    case "PLACE":
      return (
        (!german && hasName(value.replace(/\d+\s?\p{Lu}{2,4}(?!\p{L})/gu, " "), isAsked, startsSentence)) ||
        /(?<!\p{L})(?!(?:at (?:all|least|most|once|any|the latest)|in (?:writing|advance|total|full|time|order|case|agreement)|on (?:request|time|average|demand)|from time)(?!\p{L}))(?:in|at|near|from|to|on|behind|beside|under|above|opposite|inside|outside|through|into|along|im|am|an|auf|bei|neben|unter|über|hinter|vor)\s+(?:\p{L}+\s+){0,3}\p{L}/iu.test(
          fresh,
        )
      );
    default:
      return patterns[shape].test(fresh);
  }
}

export const hasRelativeTime = (value: string): boolean => relativeTime.test(value);

const withoutAsked = (value: string, isAsked: (word: string) => boolean) =>
  value.replace(/[\p{L}][\p{L}'-]*/gu, (word) => (isAsked(word) ? " " : word));
