/** Keeps the `size` best of what it is offered. Equal scores: the lower number wins, so that a ranking never wavers. */
export class BestOf {
  private readonly items: Int32Array;
  private readonly scores: Float64Array;
  private count = 0;

  constructor(private readonly size: number) {
    this.items = new Int32Array(size);
    this.scores = new Float64Array(size);
  }

  /** What a score must exceed, or equal with a lower number, to be kept. */
  get threshold(): number {
    return this.count < this.size ? -Infinity : this.scores[0]!;
  }

  offer(item: number, score: number): void {
    if (this.size === 0) return;
    if (this.count < this.size) {
      let at = this.count++;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!this.isWorse(score, item, this.scores[parent]!, this.items[parent]!)) break;
        this.move(parent, at);
        at = parent;
      }
      this.place(at, item, score);
    } else if (this.isWorse(this.scores[0]!, this.items[0]!, score, item)) {
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= this.count) break;
        const right = child + 1;
        if (
          right < this.count &&
          this.isWorse(this.scores[right]!, this.items[right]!, this.scores[child]!, this.items[child]!)
        )
          child = right;
        if (!this.isWorse(this.scores[child]!, this.items[child]!, score, item)) break;
        this.move(child, at);
        at = child;
      }
      this.place(at, item, score);
    }
  }

  sorted(): { item: number; score: number }[] {
    return Array.from({ length: this.count }, (_, at) => ({ item: this.items[at]!, score: this.scores[at]! })).sort(
      (a, b) => b.score - a.score || a.item - b.item,
    );
  }

  private isWorse(score: number, item: number, thanScore: number, thanItem: number): boolean {
    return score < thanScore || (score === thanScore && item > thanItem);
  }

  private move(from: number, to: number): void {
    this.items[to] = this.items[from]!;
    this.scores[to] = this.scores[from]!;
  }

  private place(at: number, item: number, score: number): void {
    this.items[at] = item;
    this.scores[at] = score;
  }
}
