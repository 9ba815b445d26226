export interface Span {
  start: number;
  end: number;
}

/** Abbreviations that stand before a capital or a number without ending a sentence: English, German, French, Spanish. */
const abbreviations =
  "mr mrs ms dr prof sr jr st mt ft capt sgt lt col gen rev hon gov sen rep vs viz cf approx no nos fig figs eq eqs sec ch vol pp p ed eds art dept est jan feb mar apr jun jul aug sep sept oct nov dec nr abs ziff bzw ca evtl ggf inkl hr fr str mio mrd tel mme mlle sra srta núm pág";
const endsAbbreviated = new RegExp(
  `(^|[\\s("'“‘[])(${abbreviations.split(" ").join("|")}|e\\.g|i\\.e|z\\.\\s?B|d\\.\\s?h|u\\.\\s?a|s\\.\\s?o|p\\.\\s?ex)\\.$`,
  "iu",
);
/** The initial of a name, or the first letter of an abbreviation written with a blank: `z. B.` */
const endsInitial = /(^|[\s("'“.])(\p{Lu}|[zduseip])\.$/u;
const onlyNumber = /^\(?(\d{1,3}|[a-zA-Z])[.)]$/;

let segmenter: Intl.Segmenter | undefined;

/**
 * The sentences of a paragraph, blanks between them left out. Unicode's rules, which know quotation marks and other
 * scripts, less the breaks that they make after abbreviations. A single line break doesn't end a sentence.
 */
export function sentencesOf(text: string): Span[] {
  segmenter ??= new Intl.Segmenter("en", { granularity: "sentence" });
  const spans: Span[] = [];
  let goesOn = false;
  for (const { segment, index } of segmenter.segment(
    text.replace(/\n(?!\n)/g, (line, at: number) => (text[at - 1] === "\n" ? line : " ")),
  )) {
    const said = segment.trimEnd();
    const start = index + segment.length - segment.trimStart().length;
    if (start >= index + said.length) continue;
    const previous = spans.at(-1);
    const lowerCase = /^\p{Ll}/u.test(segment.trimStart()) && previous !== undefined && text[previous.end - 1] === ".";
    if (previous && (goesOn || lowerCase)) previous.end = index + said.length;
    else spans.push({ start, end: index + said.length });
    const sentence = text.slice(Math.max(spans.at(-1)!.start, index + said.length - 40), index + said.length);
    goesOn = endsAbbreviated.test(sentence) || endsInitial.test(sentence) || onlyNumber.test(sentence);
  }
  return spans;
}
