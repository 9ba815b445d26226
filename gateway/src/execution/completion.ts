import type { Place } from "./places";

/** Why a field's value was completed with null. */
export type Incompleteness = "NULL" | "INVALID" | "DENIED";

export interface Gap {
  path: Place;
  why: Incompleteness;
  /** `Type.field`, or what was expected of the value. */
  where: string;
}

// One wrong list can hold thousands of wrong items.
const gapsMax = 100;

/**
 * What completion finds missing or wrong, with paths that grow from the value towards the root: nothing is put together
 * while everything fits.
 */
export class Completion {
  /** How many there are; those past the first hundred are only counted. */
  count = 0;
  readonly gaps: Gap[] = [];

  constructor(
    readonly variables: Readonly<Record<string, unknown>>,
    readonly introspect: (responseKey: string) => unknown,
  ) {}

  add(key: string | number, why: Incompleteness, where: string): void {
    this.count++;
    if (this.gaps.length < gapsMax) this.gaps.push({ path: [key], why, where });
  }

  /** An invalid value whose key is added by whoever reads it. */
  invalid(where: string): null {
    this.count++;
    if (this.gaps.length < gapsMax) this.gaps.push({ path: [], why: "INVALID", where });
    return null;
  }

  /** The same for an object that the caller may not see. */
  denied(where: string): null {
    this.count++;
    if (this.gaps.length < gapsMax) this.gaps.push({ path: [], why: "DENIED", where });
    return null;
  }

  /** Puts the key before the paths of all that was found since there were `from` of them. */
  under(from: number, key: string | number): void {
    for (let i = Math.min(from, this.gaps.length); i < this.gaps.length; i++) this.gaps[i]!.path.push(key);
  }

  /** The gaps with their paths from the root. */
  found(): Gap[] {
    for (const { path } of this.gaps) path.reverse();
    return this.gaps;
  }
}
