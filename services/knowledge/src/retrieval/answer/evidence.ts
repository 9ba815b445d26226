import { labelOf, shapeOf } from "./asked-shape";
import { alikeCredit, type Match, type WordMatcher } from "./matching";
import { comparisonsIn, type Question } from "./question";
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
  const { terms, language, statements } = reading;
  const credits = terms.map((term) => matcher.creditsOf(term));
  return {
    passage,
    statements: statements.map((statement) => ({
      ...statement,
      match: matcher.matchOf(statement.terms, credits),
      headingMatch: matcher.matchText(statement.heading, language),
      leadInMatch: matcher.matchText(statement.leadIn, language),
    })),
    match: matcher.matchOf(
      credits.map((_, at) => at),
      credits,
    ),
    titleMatch: matcher.matchText(passage.title ?? "", language),
    headingMatch: matcher.matchText((passage.headingPath ?? []).join(". "), language),
    relativeScore,
  };
}

// With less than this around it no statement is an answer, whatever else speaks for it.
const coverageMin = 0.25;

/** What speaks for statements of one passage. `document`: what the whole document's passages at hand match. */
export class Weighing {
  private readonly farAlone: boolean;

  constructor(
    private readonly matcher: WordMatcher,
    readonly analyzed: AnalyzedPassage,
    private readonly document: Match,
  ) {
    this.farAlone = this.coverageWithoutWords() < coverageMin;
  }

  /**
   * The most that may speak for a statement, taking for granted what takes long to tell; null when that is next to
   * nothing.
   */
  hopesFor(at: number): Evidence | null {
    const { matcher, analyzed } = this;
    if (this.farAlone && !this.hasWordsNear(at)) return null;
    const compared = compareWords(matcher, analyzed, at, this.document, true);
    if (compared.coverage < coverageMin) return null;
    const statement = analyzed.statements[at]!;
    return {
      ...compared,
      shape: matcher.question.shapes.length > 0 ? 1 : 0,
      nearness: matcher.question.query.neighbours.length > 0 ? 1 : 0,
      label: statement.kind === "SENTENCE" ? 0 : 1,
      rank: analyzed.relativeScore,
      repeated: 0,
      comparison: matcher.question.comparison ? 1 : 0,
    };
  }

  /** What does speak for the statement. */
  evidenceOf(at: number, hopeful: Evidence, isRepeated: boolean): Evidence {
    const { matcher, analyzed } = this;
    const { question } = matcher;
    const statement = analyzed.statements[at]!;
    const shape = shapeOf(matcher, statement);
    const compared = shape > 0 ? hopeful : compareWords(matcher, analyzed, at, this.document, false);
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

  private hasWordsNear(at: number): boolean {
    const { nothing } = this.matcher;
    const { statements } = this.analyzed;
    const statement = statements[at]!;
    return (
      statement.match !== nothing ||
      statement.headingMatch !== nothing ||
      statement.leadInMatch !== nothing ||
      (statements[at - 1]?.match ?? nothing) !== nothing ||
      (statements[at + 1]?.match ?? nothing) !== nothing
    );
  }

  /** The coverage that a statement of this passage can have at most without a word of the question in it or beside it. */
  private coverageWithoutWords(): number {
    const { matcher, analyzed, document } = this;
    let ordinary = 0;
    let covered = 0;
    matcher.question.words.forEach(({ weight, isEntity, isFocus, isPermission, isShapeItself }, word) => {
      if (weight === 0 || (isEntity && !matcher.asksAboutNamesAlone)) return;
      ordinary += weight;
      covered +=
        weight *
        Math.max(
          isPermission || isShapeItself ? alikeCredit : 0,
          analyzed.headingMatch[word]!,
          analyzed.titleMatch[word]! * (isFocus ? titleFocusCredit : titleCredit),
          analyzed.match[word]! > 0 ? nearbyCredit : 0,
          document[word]! * documentCredit,
        );
    });
    return ordinary > 0 ? covered / ordinary : 1;
  }
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
  const backCredit = statement.startsWithPronoun ? pronounCredit : neighbourCredit;

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
    // A field's label says what its value is: an amount under another name isn't the one that was asked for.
    if (isShapeItself && hasShape && !(statement.kind === "FIELD" && isFocus))
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

/** Of the pairs of words that the question has side by side, the share that stand within three words here. */
function nearnessOf(question: Question, matcher: WordMatcher, statement: AnalyzedStatement): number {
  const pairs = question.query.neighbours;
  if (pairs.length === 0) return 0;
  const places: { position: number; of: number }[] = [];
  statement.words.forEach((word, position) => {
    if (word.term === null || word.overlay) return;
    for (const [of] of matcher.creditsOf(word.term) ?? []) places.push({ position, of });
  });
  const near = pairs.filter(([a, b]) =>
    places.some(
      (left) =>
        left.of === a && places.some((right) => right.of === b && Math.abs(right.position - left.position) <= 4),
    ),
  );
  return near.length / pairs.length;
}

function comparisonOf({ comparison }: Question, statement: AnalyzedStatement): number {
  if (!comparison) return 0;
  const same = comparisonsIn(statement.text).find(({ number }) => number === comparison.number);
  return same ? (same.side === comparison.side ? 1 : -1) : 0;
}
