/** Any of these lists, all that is in it: scopes and policies as the directives give them. */
export type Alternatives = readonly (readonly string[])[];

/** What satisfies all of them; in an order of its own, without what another alternative already asks for less than. */
export function conjunction([first = [], ...others]: readonly Alternatives[]): Alternatives {
  let together = simplest(first);
  for (const other of others)
    together = simplest(together.flatMap((one) => other.map((another) => [...one, ...another])));
  return together;
}

export const isSame = (one: Alternatives, another: Alternatives): boolean =>
  JSON.stringify(simplest(one)) === JSON.stringify(simplest(another));

function simplest(alternatives: Alternatives): Alternatives {
  const lists = alternatives.map((list) => [...new Set(list)].sort());
  const distinct = [...new Map(lists.map((list) => [JSON.stringify(list), list])).entries()]
    .sort(([one], [another]) => (one < another ? -1 : 1))
    .map(([, list]) => list);
  // An empty list is a mistake that nobody satisfies: it takes no other's place.
  return distinct.filter(
    (list) =>
      !distinct.some(
        (other) =>
          other !== list &&
          other.length > 0 &&
          other.length < list.length &&
          other.every((each) => list.includes(each)),
      ),
  );
}
