import type { AnalyzedStatement } from "./evidence";
import type { WordMatcher } from "./matching";
import { hasRelativeTime, hasShape as containsShape, type Shape } from "./shapes";

/** 1: has what such an answer needs; −1: it should and hasn't; 0: nothing in particular is needed. */
export function shapeOf(matcher: WordMatcher, statement: AnalyzedStatement): number {
  const { question } = matcher;
  if (question.shapes.length === 0) return 0;
  // «There is no car park at the museum» says where none is.
  if (question.kind === "WHERE" && /(?<!\p{L})(?:no|not|never|\p{L}+n't|kein\w*|nicht)(?!\p{L})/iu.test(statement.text))
    return -1;
  if (question.measured && !speaksOfMeasure(matcher, statement)) return -1;
  const fromStart = statement.valueStart - statement.start;
  const value = statement.kind === "SENTENCE" ? statement.text : valueTextOf(statement, fromStart);
  const asked = new Set(question.query.words.flatMap(({ text, terms }) => [text, ...terms]));
  const context = {
    isAsked: (word: string) => asked.has(word.toLowerCase()) || asked.has(word.toLowerCase().replace(/[-,.']/g, "")),
    startsSentence: statement.kind === "SENTENCE",
    german: question.german,
  };
  if (question.shapes.some((shape) => containsShape(shape, value, context)))
    return question.counted === null || countsIt(question.counted, statement, matcher) ? 1 : -1;
  // «Height (m): 12» has its unit in the label.
  const namesUnit = statement.kind !== "SENTENCE" && question.shapes.some((shape) => unitShapes.has(shape));
  if (namesUnit && labelOf(matcher, statement) > 0 && containsShape("NUMBER", value, context)) return 1;
  if (question.allowsRelativeTime && hasRelativeTime(value)) return containsShape("DURATION", value, context) ? 1 : 0.5;
  return -1;
}

const unitShapes: ReadonlySet<Shape> = new Set<Shape>([
  "LENGTH",
  "WEIGHT",
  "SPEED",
  "TEMPERATURE",
  "MONEY",
  "QUANTITY",
]);

/** «metres» alone may be of anything: how long a bridge is tells a sentence about its length, or one with «long». */
function speaksOfMeasure(matcher: WordMatcher, statement: AnalyzedStatement): boolean {
  const { query, words } = matcher.question;
  const measure = words.findIndex(({ isMeasure }) => isMeasure);
  if (measure < 0 || Math.max(statement.match[measure]!, statement.headingMatch[measure]!) > 0) return true;
  // «The warranty is 24 months», «a deposit of three months' rent» need no word for it, when they speak of the thing.
  if (matcher.asksAboutNamesAlone || /^(?:loud|laut)$/.test(query.words[measure]!.text)) return false;
  return !lengthUnit.test(statement.text);
}

const lengthUnit = /(?<!\p{L})(?:m|km|cm|mm|ft|feet|met(?:re|er)\p{L}*|kilomet\p{L}+|miles?|inch(?:es)?)(?!\p{L})/iu;

function valueTextOf(statement: AnalyzedStatement, fromStart: number): string {
  if (statement.kind === "ROW") return statement.text.slice(statement.text.indexOf(":") + 1);
  return fromStart >= statement.end - statement.start ? "" : statement.text.slice(statement.text.indexOf(":") + 1);
}

const countWord =
  /^(?:\d.*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|no|none|several|both|ein\w*|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|first|second|third|fourth|fifth|once|twice)$/i;
const countReach = 4;

/** Whether a number stands just before what is counted, or the field is named after it. */
function countsIt(counted: number, statement: AnalyzedStatement, matcher: WordMatcher): boolean {
  if (statement.kind !== "SENTENCE") return Math.max(statement.match[counted]!, statement.headingMatch[counted]!) > 0;
  return statement.words.some(
    (word, at) =>
      word.term !== null &&
      matcher.creditsOf(word.term)?.some(([of]) => of === counted) &&
      statement.words.slice(Math.max(0, at - countReach), at).some((before) => countWord.test(before.text)),
  );
}

/** Of the words of a field's or row's label, the share that was asked for. */
export function labelOf(matcher: WordMatcher, statement: AnalyzedStatement): number {
  if (statement.kind === "SENTENCE") return 0;
  const label = statement.words.filter(
    (word) => word.term !== null && !word.overlay && word.end <= statement.valueStart,
  );
  if (label.length === 0) return 0;
  return label.filter((word) => matcher.creditsOf(word.term!) !== null).length / label.length;
}
