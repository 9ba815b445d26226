import { analyze, type AnalyzedWord } from "../analyzer";
import type { Language } from "../languages";
import { FormLabels, linesOf, type Line, type Run } from "./form-labels";
import { statementsOf, type Statement } from "./statements";

/** A statement with its words. */
export interface ReadStatement extends Statement {
  readonly words: readonly AnalyzedWord[];
  /** The terms of its words, by their place in the reading's; -1 for a stop word. */
  readonly terms: readonly number[];
  /** Its letters and digits alone, to tell whether another says the same. */
  readonly normalized: string;
  /** It goes on about what the one before spoke of. */
  readonly startsWithPronoun: boolean;
}

/** What can be read from a passage's text before any question is asked. */
export interface Reading {
  readonly language: Language;
  /** The different terms of its words. */
  readonly terms: readonly string[];
  readonly statements: readonly ReadStatement[];
}

interface Outline {
  readonly language: Language;
  readonly words: readonly AnalyzedWord[];
  readonly terms: ReadonlyMap<string, number>;
  readonly lines: readonly Line[];
  readonly runs: readonly Run[];
  /** By what the form's labels were taken for. */
  readonly readings: Map<string, Reading>;
}

// Passages are asked about again and again; reading one costs more than answering from it. Kept by their text, so that
// nothing can be mistaken for anything else; about 15 bytes of memory for each character.
const charactersMax = 1_000_000;
const outlines = new Map<string, Outline>();
let charactersKept = 0;

function outlineOf(text: string, language: string | null | undefined): Outline {
  const key = (language ?? "") + ":" + text;
  const known = outlines.get(key);
  if (known) {
    outlines.delete(key);
    outlines.set(key, known);
    return known;
  }
  const lines = linesOf(text);
  const analyzed = analyze(text, language);
  const terms = new Map<string, number>();
  for (const { term } of analyzed.words) if (term !== null && !terms.has(term)) terms.set(term, terms.size);
  const outline = {
    ...analyzed,
    terms,
    lines,
    runs: lines.flatMap(({ runs }) => runs),
    readings: new Map<string, Reading>(),
  };
  outlines.set(key, outline);
  charactersKept += key.length;
  for (const oldest of outlines.keys()) {
    if (charactersKept <= charactersMax || oldest === key) break;
    outlines.delete(oldest);
    charactersKept -= oldest.length;
  }
  return outline;
}

/** Reads passages together: a form filled in several times shows best which of its words are labels. */
export function readPassages(
  passages: readonly { readonly text: string; readonly language?: string | null }[],
): Reading[] {
  const found = passages.map(({ text, language }) => outlineOf(text, language));
  const labels = new FormLabels();
  for (const { lines } of found) labels.learn(lines);
  return found.map((outline, at) => readingOf(passages[at]!.text, outline, labels));
}

const readingsMax = 4;

function readingOf(text: string, outline: Outline, labels: FormLabels): Reading {
  const taken =
    outline.runs.map((run) => labels.firstWordOf(run)).join(",") + (labels.cutsOff(outline.lines) ? "!" : "");
  let reading = outline.readings.get(taken);
  if (!reading) {
    const { language, terms, lines } = outline;
    reading = { language, terms: [...terms.keys()], statements: withWords(statementsOf(text, lines, labels), outline) };
    if (outline.readings.size >= readingsMax) outline.readings.clear();
    outline.readings.set(taken, reading);
  }
  return reading;
}

const startsWithPronoun =
  /^(?:it|its|they|their|this|these|that|those|he|she|his|her|such|es|sie|er|dies\w*|deren|dessen)\b/i;

function withWords(statements: readonly Statement[], { words, terms }: Outline): ReadStatement[] {
  let at = 0;
  return statements.map((statement) => {
    while (at < words.length && words[at]!.start < statement.start) at++;
    const from = at;
    while (at < words.length && words[at]!.start < statement.end) at++;
    const own = words.slice(from, at);
    return {
      ...statement,
      words: own,
      terms: own.map(({ term }) => (term === null ? -1 : terms.get(term)!)),
      normalized: statement.text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " "),
      startsWithPronoun: startsWithPronoun.test(statement.text),
    };
  });
}
