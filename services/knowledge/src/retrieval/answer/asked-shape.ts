import type { AnalyzedWord } from "../analyzer";
import type { AnalyzedStatement } from "./evidence";
import type { WordMatcher } from "./matching";
import { hasRelativeTime, hasShape as containsShape, type Shape, type ShapeContext } from "./shapes";

/** 1: has what such an answer needs; −1: it should and hasn't; 0: nothing in particular is needed. */
export function shapeOf(matcher: WordMatcher, statement: AnalyzedStatement): number {
  const { question } = matcher;
  if (question.shapes.length === 0) return 0;
  // «There is no car park at the museum» says where none is.
  if (question.kind === "WHERE" && /(?<!\p{L})(?:no|not|never|\p{L}+n't|kein\w*|nicht)(?!\p{L})/iu.test(statement.text))
    return -1;
  if (question.measured && !speaksOfMeasure(matcher, statement)) return -1;
  const fromStart = statement.valueStart - statement.start;
  const cells = askedCells(matcher, statement);
  if (question.kind === "WHO" && statement.cells && cells.length === 0) return -1;
  const value =
    cells.length > 0
      ? cells.map(({ value: each }) => each).join(" ; ")
      : statement.kind === "SENTENCE"
        ? statement.text
        : valueTextOf(statement, fromStart);
  const asked = new Set(question.query.words.flatMap(({ text, terms }) => [text, ...terms]));
  const context = {
    isAsked: (word: string) => asked.has(word.toLowerCase()) || asked.has(word.toLowerCase().replace(/[-,.']/g, "")),
    startsSentence: statement.kind === "SENTENCE",
    german: question.german,
  };
  if (statement.kind === "SENTENCE" && !question.german) {
    // «drains through the Tarnby Sluice, built in 1848»: who built it stands in another sentence.
    if (question.kind === "WHO" && !namesWho(matcher, statement, context)) return -1;
    if (question.namesFocus && !namesFocusBeside(matcher, statement, context)) return -1;
  }
  if (question.shapes.some((shape) => containsShape(shape, value, context)))
    return question.counted === null || countsIt(question.counted, statement, matcher) ? 1 : -1;
  // «Height (m): 12» has its unit in the label, which must then speak of what is asked.
  const namesUnit = statement.kind !== "SENTENCE" && question.shapes.some((shape) => unitShapes.has(shape));
  if (namesUnit && isLabelledAsAsked(matcher, statement) && containsShape("NUMBER", value, context)) return 1;
  if (question.allowsRelativeTime && hasRelativeTime(value)) return containsShape("DURATION", value, context) ? 1 : 0.5;
  return -1;
}

/** Whether a person, a body or a role stands in the same clause as the question's verb. */
function namesWho(matcher: WordMatcher, statement: AnalyzedStatement, context: ShapeContext): boolean {
  const verb = matcher.question.words.findIndex(({ isPredicate }) => isPredicate);
  if (verb < 0 || statement.match[verb] === 0) return true;
  const places = statement.words.filter(({ term }) => term && matcher.creditsOf(term)?.some(([word]) => word === verb));
  return clausesOf(statement).some(
    ({ start, end, text }, at) =>
      places.some((place) => place.start >= start && place.end <= end) &&
      containsShape("PERSON", text, { ...context, startsSentence: context.startsSentence && at === 0 }),
  );
}

/** The pieces of a sentence between its commas, in the passage's positions. */
function clausesOf(statement: AnalyzedStatement): { start: number; end: number; text: string }[] {
  let start = statement.start;
  return statement.text.split(/(?<=[,;:]) /).map((text) => {
    const clause = { start, end: start + text.length, text };
    start += text.length + 1;
    return clause;
  });
}

const nameReach = 25;

/** Whether a name stands within a few words of what it is asked to be the name of. */
function namesFocusBeside(matcher: WordMatcher, statement: AnalyzedStatement, context: ShapeContext): boolean {
  return statement.words.some(({ term, start, end }) => {
    if (!term || !matcher.creditsOf(term)?.some(([word]) => matcher.question.words[word]!.isFocus)) return false;
    const from = start - statement.start;
    const around = [
      statement.text.slice(Math.max(0, from - nameReach), from),
      statement.text.slice(end - statement.start, end - statement.start + nameReach),
    ];
    return around.some((text, at) =>
      containsShape("NAME", text.replace(/["“”„«»]/g, ""), {
        ...context,
        startsSentence: at === 0 && from <= nameReach,
      }),
    );
  });
}

/** The cells of a row that are called by words of the question, of those by the words of which something is asked. */
function askedCells(matcher: WordMatcher, statement: AnalyzedStatement): { name: AnalyzedWord[]; value: string }[] {
  if (!statement.cells) return [];
  const called = statement.cells.flatMap(({ start, valueStart, end }) => {
    const name = statement.words.filter((word) => word.term !== null && word.start >= start && word.end <= valueStart);
    const words = name.flatMap(({ term }) =>
      (matcher.creditsOf(term!) ?? []).map(([word]) => matcher.question.words[word]!),
    );
    if (words.every(({ isEntity }) => isEntity)) return [];
    const isAsked = words.some(({ isFocus, isShapeItself, isMeasure }) => isFocus || isShapeItself || isMeasure);
    return [{ name, isAsked, value: statement.text.slice(valueStart - statement.start, end - statement.start) }];
  });
  const asked = called.filter(({ isAsked }) => isAsked);
  return asked.length > 0 ? asked : called;
}

/** Whether a label has a word of which something is asked. */
const isLabelledAsAsked = (matcher: WordMatcher, statement: AnalyzedStatement) =>
  askedCells(matcher, statement).length > 0 ||
  labelWords(statement).some(({ term }) =>
    matcher.creditsOf(term!)?.some(([word]) => {
      const { isFocus, isShapeItself, isMeasure } = matcher.question.words[word]!;
      return isFocus || isShapeItself || isMeasure;
    }),
  );

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
  // «A path of 21 kilometres».
  if (
    /\p{L} of (?:about |around |some |nearly |over )?\d[\d.,]* ?\p{L}/u.test(statement.text) &&
    isAmountOfAsked(matcher, statement)
  )
    return true;
  // «The warranty is 24 months», «a deposit of three months' rent» need no word for it, when they speak of the thing.
  if (matcher.asksAboutNamesAlone || /^(?:loud|laut)$/.test(query.words[measure]!.text)) return false;
  return !lengthUnit.test(statement.text);
}

/** Whether the word before «of 21 kilometres» is one of the question's. */
const isAmountOfAsked = (matcher: WordMatcher, statement: AnalyzedStatement) =>
  statement.words.some(
    ({ term, end }) =>
      term &&
      matcher.creditsOf(term) !== null &&
      /^ of (?:\p{L}+ )?\d/u.test(statement.text.slice(end - statement.start, end - statement.start + 20)),
  );

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
  const cells = askedCells(matcher, statement);
  if (cells.length > 0)
    return Math.max(
      ...cells.map(({ name }) => name.filter(({ term }) => matcher.creditsOf(term!) !== null).length / name.length),
    );
  if (statement.cells) return 0;
  const label = labelWords(statement);
  if (label.length === 0) return 0;
  return label.filter((word) => matcher.creditsOf(word.term!) !== null).length / label.length;
}

const labelWords = (statement: AnalyzedStatement) =>
  statement.words.filter((word) => word.term !== null && !word.overlay && word.end <= statement.valueStart);
