// As many as are set within a small part of the time between two collections of the young.
const entriesMax = 256;

/**
 * A map for what comes and goes all the time. V8's own leave each table that they have outgrown linked to the next: once
 * one of them has come to the old part of the heap, it keeps all that came after it, with whatever stood in them, until
 * the next full collection. So the map is left behind for a new one every few hundred entries. What has stood in it for
 * so long that another few hundred came is forgotten.
 */
export class ShortLivedMap<Value> {
  #before = new Map<string, Value>();
  #current = new Map<string, Value>();
  #entries = 0;

  get isEmpty(): boolean {
    return this.#current.size === 0 && this.#before.size === 0;
  }

  get(key: string): Value | undefined {
    return this.#current.get(key) ?? this.#before.get(key);
  }

  set(key: string, value: Value): void {
    if (this.#entries >= entriesMax) {
      this.#before = this.#current;
      this.#current = new Map();
      this.#entries = 0;
    }
    this.#entries++;
    this.#current.set(key, value);
  }

  delete(key: string): void {
    if (!this.#current.delete(key)) this.#before.delete(key);
  }

  clear(): void {
    if (this.isEmpty) return;
    this.#before = new Map();
    this.#current = new Map();
    this.#entries = 0;
  }
}
