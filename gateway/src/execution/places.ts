import { isTree, type Tree } from "./tree";

export type Place = (string | number)[];

// An entity may be at thousands of places: more errors about it help nobody.
const placesMax = 100;

/** Where objects of a plan's path stand in the answer, by list index; the same object may stand at several places. */
export function placesOf(root: Tree, path: readonly (string | number)[]): Map<Tree, Place[]> {
  const places = new Map<Tree, Place[]>();
  let count = 0;
  const walk = (value: unknown, at: number, place: Place): void => {
    if (count >= placesMax) return;
    const step = path[at];
    if (step === undefined) {
      if (!isTree(value)) return;
      count++;
      const known = places.get(value);
      if (known) known.push(place);
      else places.set(value, [place]);
    } else if (step === "@") {
      if (Array.isArray(value)) value.forEach((item, index) => walk(item, at + 1, [...place, index]));
    } else if (isTree(value)) walk(value[step], at + 1, [...place, step]);
  };
  walk(root, 0, []);
  return places;
}

/** The part of a plan's path that is the same for all objects at it. */
export function commonPlace(path: readonly (string | number)[]): Place {
  const list = path.indexOf("@");
  return [...(list === -1 ? path : path.slice(0, list))];
}
