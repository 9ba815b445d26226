import { analyze, type AnalyzedWord } from "../analyzer";
import type { Language } from "../languages";
import { meaningNumbers } from "./thesaurus";
import { comparisonsIn, type Question, type QuestionWord } from "./question";
import { hasRelativeTime, hasShape as containsShape, type Shape } from "./shapes";
import type { Reading, ReadStatement } from "./reading";

/** A passage with its text, as an answer is looked for in it. */
export interface EvidencePassage {
  readonly passageId: string;
  readonly documentId: string;
  readonly title?: string | null;
  readonly headingPath?: readonly string[];
  readonly page?: number | null;
  readonly text: string;
  /** Where `text` begins in the document's canonical text. */
  readonly start: number;
  /** As the search ranked it. */
  readonly score: number;
  readonly language?: string | null;
}

/** What speaks for a statement as the answer; each 0…1 unless said otherwise. */
export interface Evidence {
  /** Of the question's ordinary words, how many (by weight) the statement and what stands around it have. */
  readonly coverage: number;
  /** The same, counting the statement's own words alone, as asked. */
  readonly exactness: number;
  /** Of its names, numbers and codes, how many the statement, or its document, is about. */
  readonly entities: number;
  /** Of them, how many stand in the statement itself. */
  readonly named: number;
  /** Weight of the heaviest ordinary word without any evidence. */
  readonly gap: number;
  /** Of the words of which the question asks something, how many. */
  readonly focus: number;
  /** 1: has what such an answer needs; −1: it should and hasn't; 0: nothing in particular is needed. */
  readonly shape: number;
  /** Words that stand together in the question, and here. */
  readonly nearness: number;
  /** FIELD and ROW: of the label's words, how many were asked. */
  readonly label: number;
  /** Words that stand nowhere in the documents. */
  readonly unknown: number;
  /** The passage's score beside the best one's. */
  readonly rank: number;
  /** Names, numbers and codes of which the document says nothing. */
  readonly strange: number;
  /** The words asked for lead in to it. */
  readonly introduced: number;
  /** 1 for a sentence that stands in several documents alike: it is about none of them. */
  readonly repeated: number;
  /** Speaks of the same side of the same number («above 500»); −1: of the other side. */
  readonly comparison: number;
  /** How well the question's verb matches; 1 where it hangs on none. */
  readonly predicate: number;
}

export const evidenceNames = [
  "coverage",
  "exactness",
  "entities",
  "named",
  "gap",
  "focus",
  "shape",
  "nearness",
  "label",
  "unknown",
  "rank",
  "strange",
  "introduced",
  "repeated",
  "comparison",
  "predicate",
] as const satisfies readonly (keyof Evidence)[];

const alikeCredit = 0.75;
const derivedCredit = 0.8;
// So many metres may be its length or its height.
const impliedCredit = 0.5;
const contextCredit = 0.85;
const titleCredit = 0.8;
// A title names the subject; what is asked of the subject must stand nearer.
const titleFocusCredit = 0.4;
const pronounCredit = 0.85;
const neighbourCredit = 0.5;
const nearbyCredit = 0.35;
const nearbyStatements = 3;
const passageCredit = 0.2;
const documentCredit = 0.12;
const entityElsewhereCredit = 0.9;
// Less than this is no evidence.
const gapCredit = 0.25;
// A question of little but names asks about them: then they are to be found like other words.
const ordinaryShareMin = 0.2;

/** For each word of the question, how well some words match it: 0 not, 1 as asked. */
type Match = Float32Array;

/** Compares words of the evidence with those of the question; remembers, since words repeat. */
export class WordMatcher {
  private readonly known = new Map<string, readonly (readonly [number, number])[]>();
  private readonly exact = new Map<string, number>();
  private readonly texts = new Map<string, Match>();
  private readonly meanings: (ReadonlySet<number> | null)[];

  constructor(readonly question: Question) {
    const { words } = question.query;
    words.forEach((word, at) => word.terms.forEach((term) => this.exact.has(term) || this.exact.set(term, at)));
    const weightOf = (some: readonly QuestionWord[]) => some.reduce((sum, { weight }) => sum + weight, 0);
    this.asksAboutNamesAlone =
      weightOf(question.words.filter(({ isEntity }) => !isEntity)) < ordinaryShareMin * weightOf(question.words);
    this.meanings = words.map((word, at) =>
      question.words[at]!.isEntity ? null : new Set(word.terms.flatMap((term) => [...meaningNumbers(term)])),
    );
  }

  /** Whether nearly all of the question is names, numbers and codes. */
  readonly asksAboutNamesAlone: boolean;

  get size(): number {
    return this.question.query.words.length;
  }

  empty(): Match {
    return new Float32Array(this.size);
  }

  /** The question's words that `term` stands for, with how well. */
  matchesOf(term: string): readonly (readonly [number, number])[] {
    let found = this.known.get(term);
    if (!found) this.known.set(term, (found = this.compare(term)));
    return found;
  }

  add(match: Match, words: readonly AnalyzedWord[]): Match {
    for (const word of words)
      if (word.term !== null)
        for (const [at, credit] of this.matchesOf(word.term)) if (credit > match[at]!) match[at] = credit;
    return match;
  }

  /** Of a text that stands above many statements; remembered. */
  matchText(text: string, language: Language): Match {
    let match = this.texts.get(text);
    if (!match) this.texts.set(text, (match = this.add(this.empty(), analyze(text, language).words)));
    return match;
  }

  private compare(term: string): (readonly [number, number])[] {
    const exact = this.exact.get(term);
    if (exact !== undefined) return [[exact, 1]];
    const found: (readonly [number, number])[] = [];
    const meanings = meaningNumbers(term);
    this.question.query.words.forEach((word, at) => {
      if (word.overlay) return;
      // «Mexican» for «Mexico»; codes and numbers are the same or not.
      if (this.question.words[at]!.isEntity) {
        if (word.spelled && word.terms.some((asked) => isDerived(asked, term))) found.push([at, derivedCredit]);
      } else if (meanings.some((meaning) => this.meanings[at]!.has(meaning))) found.push([at, alikeCredit]);
      else if (word.spelled && word.terms.some((asked) => isDerived(asked, term))) found.push([at, derivedCredit]);
    });
    return found;
  }
}

/** «manufactur» and «manufacture», «compensat» and «compens»: one word with another ending. */
function isDerived(a: string, b: string): boolean {
  const [small, large] = a.length < b.length ? [a, b] : [b, a];
  // «loud», «louder».
  if (small.length >= 3 && large.startsWith(small) && /^(?:e?r|e?st|li|ly)$/.test(large.slice(small.length)))
    return true;
  const shorter = Math.min(a.length, b.length);
  const longer = Math.max(a.length, b.length);
  if (shorter < 5 || longer - shorter > 4) return false;
  let common = 0;
  while (common < shorter && a[common] === b[common]) common++;
  return common >= 5 && common >= longer * 0.7;
}

export interface AnalyzedPassage {
  readonly passage: EvidencePassage;
  readonly statements: readonly AnalyzedStatement[];
  readonly match: Match;
  readonly titleMatch: Match;
  readonly headingMatch: Match;
  readonly relativeScore: number;
}

export interface AnalyzedStatement extends ReadStatement {
  readonly match: Match;
  readonly headingMatch: Match;
  readonly leadInMatch: Match;
}

export function analyzePassage(
  passage: EvidencePassage,
  reading: Reading,
  matcher: WordMatcher,
  relativeScore: number,
): AnalyzedPassage {
  const { words, language, statements } = reading;
  return {
    passage,
    statements: statements.map((statement) => ({
      ...statement,
      match: matcher.add(matcher.empty(), statement.words),
      headingMatch: matcher.matchText(statement.heading, language),
      leadInMatch: matcher.matchText(statement.leadIn, language),
    })),
    match: matcher.add(matcher.empty(), words),
    titleMatch: matcher.matchText(passage.title ?? "", language),
    headingMatch: matcher.matchText((passage.headingPath ?? []).join(". "), language),
    relativeScore,
  };
}

const startsWithPronoun =
  /^(?:it|its|they|their|this|these|that|those|he|she|his|her|such|es|sie|er|dies\w*|deren|dessen)\b/i;

// With less than this around it no statement is an answer, whatever else speaks for it.
const coverageMin = 0.25;

/**
 * What speaks for a statement being the answer; null when there is next to nothing. `document`: what the whole
 * document's passages at hand match.
 */
export function weighEvidence(
  matcher: WordMatcher,
  analyzed: AnalyzedPassage,
  at: number,
  document: Match,
  isRepeated: boolean,
): Evidence | null {
  const { question } = matcher;
  const statement = analyzed.statements[at]!;
  // Whether it has the shape takes longest to tell, so that first of all it is taken for granted.
  const hopeful = compareWords(matcher, analyzed, at, document, true);
  if (hopeful.coverage < coverageMin) return null;
  const shape = shapeOf(matcher, statement);
  const compared = shape > 0 ? hopeful : compareWords(matcher, analyzed, at, document, false);
  return {
    ...compared,
    shape,
    nearness: nearnessOf(question, matcher, statement),
    label: labelOf(matcher, statement),
    rank: analyzed.relativeScore,
    repeated: isRepeated && statement.kind === "SENTENCE" ? 1 : 0,
    comparison: comparisonOf(question, statement),
  };
}

type Compared = Omit<Evidence, "shape" | "nearness" | "label" | "rank" | "repeated" | "comparison">;

function compareWords(
  matcher: WordMatcher,
  analyzed: AnalyzedPassage,
  at: number,
  document: Match,
  hasShape: boolean,
): Compared {
  const { question } = matcher;
  const statement = analyzed.statements[at]!;
  const previous = analyzed.statements[at - 1];
  const next = analyzed.statements[at + 1];
  const backCredit = startsWithPronoun.test(statement.text) ? pronounCredit : neighbourCredit;

  let ordinary = 0;
  let covered = 0;
  let exact = 0;
  let entities = 0;
  let entitiesFound = 0;
  let named = 0;
  let focus = 0;
  let focusFound = 0;
  let ledIn = 0;
  let gap = 0;
  let unknown = 0;
  let strange = 0;
  let total = 0;
  let predicate = 1;
  // The first words below a heading that asks answer it.
  const heading = statement.heading || (analyzed.passage.headingPath?.at(-1) ?? "");
  const isFirst = heading.endsWith("?") && (!previous || previous.heading !== statement.heading);
  const isNearby = (word: number) => {
    for (let other = Math.max(0, at - nearbyStatements); other <= at + nearbyStatements; other++)
      if ((analyzed.statements[other]?.match[word] ?? 0) > 0) return true;
    return false;
  };
  const asksPermission = question.words.some(({ isPermission }) => isPermission);
  const permits =
    asksPermission &&
    /(?<!\p{L})(?:may|can|can't|must|mustn't|allowed|permitted|prohibited|forbidden|banned|darf|dürfen|kann|können|erlaubt|verboten|never|only)(?!\p{L})/iu.test(
      statement.text,
    );
  question.words.forEach(({ weight, isEntity, isFocus, isPermission, isShapeItself, isPredicate }, word) => {
    if (weight === 0) return;
    total += weight;
    let own = statement.match[word]!;
    if (isPermission && permits) own = Math.max(own, alikeCredit);
    if (isShapeItself && hasShape)
      own = Math.max(own, question.shapes.includes("LENGTH") ? impliedCredit : alikeCredit);
    const leadIn = Math.max(
      statement.leadInMatch[word]!,
      isFirst ? Math.max(statement.headingMatch[word]!, analyzed.headingMatch[word]!) : 0,
    );
    const above = Math.max(leadIn, statement.headingMatch[word]!, analyzed.headingMatch[word]!) * contextCredit;
    const near = Math.max(own, above, analyzed.titleMatch[word]! * (isFocus ? titleFocusCredit : titleCredit));
    const around = Math.max(
      (previous?.match[word] ?? 0) * backCredit,
      (next?.match[word] ?? 0) * neighbourCredit * 0.6,
    );
    if (isEntity) {
      const anywhere = Math.max(near, Math.max(analyzed.match[word]!, document[word]!) * entityElsewhereCredit);
      entities += weight;
      entitiesFound += weight * anywhere;
      named += weight * Math.max(own, above, around);
      if (anywhere < 0.5) strange += weight;
      if (!matcher.asksAboutNamesAlone) return;
    }
    const credit = Math.max(
      near,
      around,
      analyzed.match[word]! > 0 && isNearby(word) ? nearbyCredit : 0,
      analyzed.match[word]! * passageCredit,
      document[word]! * documentCredit,
    );
    if (isPredicate) predicate = Math.max(near, around);
    ordinary += weight;
    covered += weight * credit;
    if (own === 1) exact += weight;
    if (isFocus) {
      focus += weight;
      focusFound += weight * near;
      ledIn += weight * leadIn;
    }
    if (credit < gapCredit) gap = Math.max(gap, weight);
    if (question.query.words[word]!.documentCount === 0 && near < 0.5) unknown += weight;
  });
  return {
    coverage: ordinary > 0 ? covered / ordinary : 1,
    exactness: ordinary > 0 ? exact / ordinary : 1,
    entities: entities > 0 ? entitiesFound / entities : 1,
    named: entities > 0 ? named / entities : 0,
    gap: total > 0 ? gap / total : 0,
    focus: focus > 0 ? focusFound / focus : ordinary > 0 ? covered / ordinary : 1,
    unknown: total > 0 ? unknown / total : 0,
    strange: total > 0 ? strange / total : 0,
    introduced: focus > 0 ? ledIn / focus : 0,
    predicate,
  };
}

function shapeOf(matcher: WordMatcher, statement: AnalyzedStatement): number {
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
      matcher.matchesOf(word.term).some(([of]) => of === counted) &&
      statement.words.slice(Math.max(0, at - countReach), at).some((before) => countWord.test(before.text)),
  );
}

/** Of the pairs of words that the question has side by side, the share that stand within three words here. */
function nearnessOf(question: Question, matcher: WordMatcher, statement: AnalyzedStatement): number {
  const pairs = question.query.neighbours;
  if (pairs.length === 0) return 0;
  const places: { position: number; of: number }[] = [];
  statement.words.forEach((word, position) => {
    if (word.term === null || word.overlay) return;
    for (const [of] of matcher.matchesOf(word.term)) places.push({ position, of });
  });
  const near = pairs.filter(([a, b]) =>
    places.some(
      (left) =>
        left.of === a && places.some((right) => right.of === b && Math.abs(right.position - left.position) <= 4),
    ),
  );
  return near.length / pairs.length;
}

/** Of the words of a field's or row's label, the share that was asked for. */
function labelOf(matcher: WordMatcher, statement: AnalyzedStatement): number {
  if (statement.kind === "SENTENCE") return 0;
  const label = statement.words.filter(
    (word) => word.term !== null && !word.overlay && word.end <= statement.valueStart,
  );
  if (label.length === 0) return 0;
  return label.filter((word) => matcher.matchesOf(word.term!).length > 0).length / label.length;
}

function comparisonOf({ comparison }: Question, statement: AnalyzedStatement): number {
  if (!comparison) return 0;
  const same = comparisonsIn(statement.text).find(({ number }) => number === comparison.number);
  return same ? (same.side === comparison.side ? 1 : -1) : 0;
}
