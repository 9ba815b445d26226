const pageBits = 16;
export const pageSize = 1 << pageBits;
const pageMask = pageSize - 1;

/**
 * Sequences of 32-bit numbers, one after the other, in pages that never move: growing copies nothing, and a sequence
 * lies in one piece. A sequence longer than a page gets a page of its own.
 */
export class SequencePool {
  private readonly pages: Uint32Array[] = [];
  private used = 0;

  /** Copies `length` numbers in and returns where they begin, as page and offset. */
  append(source: Uint32Array, length: number): { page: number; offset: number } {
    const last = this.pages.at(-1);
    if (!last || this.used + length > last.length) {
      this.pages.push(new Uint32Array(Math.max(pageSize, length)));
      this.used = 0;
    }
    const page = this.pages.length - 1;
    const offset = this.used;
    this.pages[page]!.set(length === source.length ? source : source.subarray(0, length), offset);
    this.used += length;
    return { page, offset };
  }

  page(index: number): Uint32Array {
    return this.pages[index]!;
  }

  get bytes(): number {
    return this.pages.reduce((sum, page) => sum + page.byteLength, 0);
  }
}

type NumberArray = Uint8Array | Int8Array | Uint16Array | Int32Array | Uint32Array | Float32Array;

/** `array`, or a copy of it with room for `length` numbers and for as many again. */
export function grown<T extends NumberArray>(array: T, length: number): T {
  if (length <= array.length) return array;
  const larger = new (array.constructor as new (length: number) => T)(
    Math.max(1024, length, Math.ceil(array.length * 1.5)),
  );
  larger.set(array);
  return larger;
}

const firstBlock = 2;
const blockMax = 1024;

/**
 * For each term the passages it stands in and how often. Lists grow at their end in blocks (2, 4, 8, … 1,024 postings),
 * each of which ends with the address of the next; nothing is ever moved, so adding costs the same at any size.
 */
export class PostingLists {
  private readonly slotPages: Uint32Array[] = [];
  private readonly countPages: Uint8Array[] = [];
  private used = pageSize;
  private heads = new Uint32Array(0);
  private writeAt = new Uint32Array(0);
  private room = new Uint16Array(0);
  private blockSizes = new Uint16Array(0);
  /** How many postings each term has, deleted passages included. */
  private lengths = new Uint32Array(0);

  append(term: number, slot: number, count: number): void {
    if (term >= this.heads.length) {
      this.heads = grown(this.heads, term + 1);
      this.writeAt = grown(this.writeAt, term + 1);
      this.room = grown(this.room, term + 1);
      this.blockSizes = grown(this.blockSizes, term + 1);
      this.lengths = grown(this.lengths, term + 1);
    }
    if (this.room[term] === 0) {
      const size = this.lengths[term] === 0 ? firstBlock : Math.min(blockMax, this.blockSizes[term]! * 2);
      const block = this.allocate(size);
      if (this.lengths[term] === 0) this.heads[term] = block;
      else this.slotPages[this.writeAt[term]! >>> pageBits]![this.writeAt[term]! & pageMask] = block;
      this.writeAt[term] = block;
      this.room[term] = size;
      this.blockSizes[term] = size;
    }
    const address = this.writeAt[term]!;
    this.slotPages[address >>> pageBits]![address & pageMask] = slot;
    this.countPages[address >>> pageBits]![address & pageMask] = count > 255 ? 255 : count;
    this.writeAt[term] = address + 1;
    this.room[term]!--;
    this.lengths[term]!++;
  }

  /** Calls `visit` with each contiguous run of a term's postings: `slots[from…to)`, `counts[from…to)`. */
  visit(term: number, visit: (slots: Uint32Array, counts: Uint8Array, from: number, to: number) => void): void {
    if (term >= this.lengths.length) return;
    let left = this.lengths[term]!;
    let size = firstBlock;
    let address = this.heads[term]!;
    while (left > 0) {
      const slots = this.slotPages[address >>> pageBits]!;
      const from = address & pageMask;
      const run = left < size ? left : size;
      visit(slots, this.countPages[address >>> pageBits]!, from, from + run);
      left -= run;
      if (left > 0) address = slots[from + size]!;
      size = Math.min(blockMax, size * 2);
    }
  }

  private allocate(size: number): number {
    // One more for the address of the next block.
    if (this.used + size + 1 > pageSize) {
      this.slotPages.push(new Uint32Array(pageSize));
      this.countPages.push(new Uint8Array(pageSize));
      this.used = 0;
    }
    const address = (this.slotPages.length - 1) * pageSize + this.used;
    this.used += size + 1;
    return address;
  }

  get bytes(): number {
    return this.slotPages.length * pageSize * 5 + this.heads.length * 16;
  }
}
