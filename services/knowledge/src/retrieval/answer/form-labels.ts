/** A line of a passage, without the space around it. */
export interface Line {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Its labels, where it is one of a form. */
  readonly runs: readonly Run[];
}

export function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let from = 0;
  for (let at = 0; at <= text.length; at++) {
    if (at < text.length && !/[\n\f\r\u2028\u2029]/.test(text[at]!)) continue;
    const raw = text.slice(from, at);
    const leading = raw.length - raw.trimStart().length;
    const trimmed = raw.trim();
    lines.push({ start: from + leading, end: from + leading + trimmed.length, text: trimmed, runs: runsOf(trimmed) });
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    from = at + 1;
  }
  return lines;
}

/** Capitalised words before a colon, some of which are its label and some the end of the value before. */
export interface Run {
  /** Where in the line the words begin, the last one just before the colon. */
  readonly words: readonly { readonly start: number; readonly text: string }[];
  readonly colon: number;
  /** The word before the run; ":" when the run follows the earlier label at once, "" at the line's start. */
  readonly before: string;
  /** The label, were it to begin with the first word, with the second, …; in lower case. */
  readonly labels: readonly string[];
}

/**
 * Where labels begin. A form that was printed in columns reads «Certificate: Private Age: 38, Male»; that «Age» is a
 * label and «Private» a value shows only where the same form was filled in otherwise. What varies before it tells.
 */
export class FormLabels {
  /** Label, in lower case → what was seen before it. */
  private readonly seenBefore = new Map<string, Set<string>>();
  private readonly timesSeen = new Map<string, number>();

  /** Learns from the lines of a text; from several filled-in forms it learns most. */
  learn(lines: readonly Line[]): this {
    for (const { runs } of lines)
      for (const { words, before, labels } of runs)
        labels.forEach((label, first) => {
          let seen = this.seenBefore.get(label);
          if (!seen) this.seenBefore.set(label, (seen = new Set()));
          seen.add(first > 0 ? words[first - 1]!.text : before);
          this.timesSeen.set(label, (this.timesSeen.get(label) ?? 0) + 1);
        });
    return this;
  }

  /** Whether `text` is the beginning of a label: what a cut left of one isn't a value. */
  beginsLabel(text: string): boolean {
    const beginning = text.toLowerCase();
    if (beginning === "") return false;
    for (const [label, seen] of this.seenBefore) if (seen.size > 1 && label.startsWith(beginning)) return true;
    return false;
  }

  /** Whether the last line of a text ends within a label. */
  cutsOff(lines: readonly Line[]): boolean {
    const last = lines.findLast(({ text }) => text !== "");
    const run = last?.runs.at(-1);
    return run !== undefined && this.beginsLabel(last!.text.slice(run.colon + 1).trim());
  }

  /** Which word of `run` is the first of its label. */
  firstWordOf({ words, before, labels }: Run): number {
    if (before === "") return 0;
    let best = -1;
    let bestSeen = 1;
    for (let first = 0; first < words.length; first++) {
      const seen = this.seenBefore.get(labels[first]!)?.size ?? 0;
      if (seen > bestSeen) [best, bestSeen] = [first, seen];
    }
    if (best >= 0) return best;
    // Always found directly after the earlier label: that one is left empty wherever it was seen.
    if (before === ":") return (this.timesSeen.get(labels[0]!) ?? 0) > 1 || words.length === 1 ? 0 : 1;
    // After «Tallahassee, FL» or «1730 EST» capitals still belong to the value.
    return words.length > 1 && /^\p{Lu}{2,4}$/u.test(words[0]!.text) && /[,\d]$/.test(before) ? 1 : 0;
  }
}

const capitalised = /^[(#]?\p{Lu}[\p{L}\p{N}'’./&()#-]*,?$|^\([^()]{1,20}\)$|^#\d+$/u;
const joiner = /^(?:of|and|or|to|at|for|the|in|on|by|per|from|with|since|&|\/|und|der|des|von|zur|für|per)$/;
const labelWordsMax = 8;

function runsOf(line: string): Run[] {
  if (!line.includes(":")) return [];
  const runs: Run[] = [];
  const words = [...line.matchAll(/\S+/g)].map((match) => ({ start: match.index, text: match[0] }));
  let valueFrom = 0;
  for (let at = 0; at < words.length; at++) {
    const { text, start } = words[at]!;
    if (!text.endsWith(":") || text.length < 2) continue;
    const last = { start, text: text.slice(0, -1) };
    if (
      at > valueFrom
        ? !capitalised.test(last.text) && !/^\p{L}+(?:\([a-z]\))?$/u.test(last.text)
        : !/^\p{L}/u.test(last.text)
    )
      continue;
    let first = at;
    while (
      first > valueFrom &&
      at - first < labelWordsMax - 1 &&
      (capitalised.test(words[first - 1]!.text) || joiner.test(words[first - 1]!.text))
    )
      first--;
    // Only the first label of a line may be written like a sentence («Permitted temperature of the liquid:»).
    if (valueFrom === 0 && first > 0) {
      if (
        runs.length > 0 ||
        at >= labelWordsMax ||
        !/^[\p{Lu}\d]/u.test(words[0]!.text) ||
        words.slice(0, at).some((word) => /[.!?;]$/.test(word.text))
      )
        return runs;
      first = 0;
    }
    while (first < at && joiner.test(words[first]!.text)) first++;
    if (first === at && !/^\p{Lu}/u.test(last.text) && valueFrom > 0) continue;
    const run = [...words.slice(first, at), last];
    const before = first > valueFrom ? words[first - 1]!.text : valueFrom > 0 ? ":" : "";
    const inLowerCase = run.map((word) => word.text.toLowerCase());
    const labels = run.map((_, from) => inLowerCase.slice(from).join(" "));
    runs.push({ words: run, colon: start + text.length - 1, before, labels });
    valueFrom = at + 1;
  }
  return runs;
}
