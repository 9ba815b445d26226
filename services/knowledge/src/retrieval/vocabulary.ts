import { grown } from "./growing-arrays";

const gramMin = 3;
const gramMax = 5;
// A longer «word» is a key or a checksum: its pieces say nothing.
const spelledLengthMax = 32;

/** The 16-bit hashes of a word's character 3–5-grams, its ends marked, each once. */
export function characterGrams(word: string): Uint16Array {
  const marked = `<${word}>`;
  const grams = new Set<number>();
  for (let length = gramMin; length <= gramMax; length++)
    for (let at = 0; at + length <= marked.length; at++) grams.add(hash(marked, at, at + length));
  return Uint16Array.from(grams);
}

// FNV-1a, folded to 16 bits.
function hash(text: string, from: number, to: number): number {
  let value = 0x811c9dc5;
  for (let at = from; at < to; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return (value ^ (value >>> 16)) & 0xffff;
}

/** The terms of one index: their numbers, how many living passages hold each, and how they are spelled. */
export class Vocabulary {
  private static made = 0;
  /** Tells this vocabulary from every other of the process. */
  readonly key = ++Vocabulary.made;
  private readonly numbers = new Map<string, number>();
  private readonly terms: string[] = [];
  private documentCounts = new Uint32Array(0);
  private readonly gramPool = new GramPool();

  get size(): number {
    return this.terms.length;
  }

  /** `spelled`: a word of letters, of which similar spellings may be found; codes and numbers are equal or not. */
  add(term: string, spelled: boolean): number {
    const known = this.numbers.get(term);
    if (known !== undefined) return known;
    const number = this.terms.length;
    this.numbers.set(term, number);
    this.terms.push(term);
    this.documentCounts = grown(this.documentCounts, number + 1);
    this.gramPool.append(spelled && term.length <= spelledLengthMax ? characterGrams(term) : empty);
    return number;
  }

  numberOf(term: string): number | undefined {
    return this.numbers.get(term);
  }

  term(number: number): string {
    return this.terms[number]!;
  }

  isSpelled(number: number): boolean {
    return this.gramPool.lengthOf(number) > 0;
  }

  documentCount(number: number): number {
    return this.documentCounts[number]!;
  }

  countDocument(number: number, change: 1 | -1): void {
    this.documentCounts[number]! += change;
  }

  /**
   * For every term that shares spelling with one of `words`: the squared cosine with each of them. A squared cosine
   * lets «accomodation» through to «accommodation» and keeps «nation» out.
   */
  visitSimilar(words: readonly string[], visit: (term: number, word: number, similarity: number) => void): void {
    const grams = words.slice(0, 32).map(characterGrams);
    grams.forEach((ofWord, word) => ofWord.forEach((gram) => (wordsWith[gram]! |= 1 << word)));
    const shared = new Uint16Array(grams.length);
    this.gramPool.visit((term, page, from, to) => {
      let touched = 0;
      for (let at = from; at < to; at++) {
        let mask = wordsWith[page[at]!]!;
        touched |= mask;
        while (mask !== 0) {
          const word = 31 - Math.clz32(mask & -mask);
          shared[word]!++;
          mask &= mask - 1;
        }
      }
      while (touched !== 0) {
        const word = 31 - Math.clz32(touched & -touched);
        touched &= touched - 1;
        const common = shared[word]!;
        shared[word] = 0;
        // One gram in common is chance.
        if (common > 1) visit(term, word, (common * common) / (grams[word]!.length * (to - from)));
      }
    });
    for (const ofWord of grams) for (const gram of ofWord) wordsWith[gram] = 0;
  }

  get bytes(): number {
    // A term costs about 60 bytes as a string and as a key.
    return this.terms.length * 68 + this.gramPool.bytes;
  }
}

const empty = new Uint16Array(0);

// Scratch: by gram, a bit for each word that has it; all zero between calls.
const wordsWith = new Uint32Array(65_536);

/** Short sequences of 16-bit numbers in pages, one for each term. */
class GramPool {
  private readonly pages: Uint16Array[] = [];
  private used = 0;
  private starts = new Uint32Array(0);
  private lengths = new Uint8Array(0);
  private count = 0;

  append(grams: Uint16Array): void {
    const size = 65_536;
    if (this.pages.length === 0 || this.used + grams.length > size) {
      this.pages.push(new Uint16Array(size));
      this.used = 0;
    }
    this.starts = grown(this.starts, this.count + 1);
    this.lengths = grown(this.lengths, this.count + 1);
    this.pages.at(-1)!.set(grams, this.used);
    this.starts[this.count] = (this.pages.length - 1) * size + this.used;
    this.lengths[this.count] = grams.length;
    this.used += grams.length;
    this.count++;
  }

  lengthOf(index: number): number {
    return this.lengths[index]!;
  }

  visit(visit: (index: number, page: Uint16Array, from: number, to: number) => void): void {
    for (let index = 0; index < this.count; index++) {
      const length = this.lengths[index]!;
      if (length === 0) continue;
      const start = this.starts[index]!;
      visit(index, this.pages[start >>> 16]!, start & 0xffff, (start & 0xffff) + length);
    }
  }

  get bytes(): number {
    return this.pages.length * 131_072 + this.starts.byteLength + this.lengths.byteLength;
  }
}
