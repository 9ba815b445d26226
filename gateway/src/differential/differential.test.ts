import { parse, print, validate, visit, Kind, type SelectionSetNode } from "graphql";
import type { Answer } from "../execution/engine";
import { corpus } from "./corpus";
import { fuzzedOperation, seeded } from "./fuzzer";
import { openHouse, type DifferentialHouse } from "./house";

// So many operations for each graph; `DIFFERENTIAL_OPERATIONS` and `DIFFERENTIAL_SEED` make more and others.
const operationsEach = Number(process.env.DIFFERENTIAL_OPERATIONS ?? 400);
const seed = Number(process.env.DIFFERENTIAL_SEED ?? 1);

/**
 * Where the answer is null for a reason: each error's path as far as there is data. Of several errors under one null, which
 * ones are told isn't specified.
 */
const pathsOf = ({ data, errors }: Answer): string[] => {
  const places = (errors ?? []).map(({ path }) => {
    const place: (string | number)[] = [];
    let value: unknown = data;
    for (const step of path ?? []) {
      if (typeof value !== "object" || value === null) break;
      value = (value as Record<string | number, unknown>)[step];
      place.push(step);
    }
    return JSON.stringify(place);
  });
  return [...new Set(places)].sort();
};

/** What differs between ours and the whole graph's answer; null when nothing does. */
async function difference(house: DifferentialHouse, text: string, variables: Record<string, unknown>) {
  const whole = await house.whole(text, variables);
  const ours = await house.ours(text, variables);
  const [expected, answered] = [
    { data: whole.data, paths: pathsOf(whole) },
    { data: ours.data, paths: pathsOf(ours) },
  ];
  return JSON.stringify(expected) === JSON.stringify(answered) ? null : { expected, answered };
}

describe.each(corpus.map((each) => [each.name, each] as const))("%s", (_, given) => {
  const isMutable = given.operations.some((text) => text.startsWith("mutation"));
  let house: DifferentialHouse;
  beforeAll(async () => {
    house = await openHouse(given);
  });
  afterAll(() => house?.close());

  test.each(given.operations)("%s", async (text) => {
    for (const flag of [true, false]) {
      const variables = text.includes("$on") ? { on: flag } : text.includes("$in") ? { in: { by: 3, note: "n" } } : {};
      expect(validate(house.graph.apiSchema, parse(text))).toEqual([]);
      const whole = await (isMutable
        ? fresh(given, (each) => each.whole(text, variables))
        : house.whole(text, variables));
      const ours = await (isMutable ? fresh(given, (each) => each.ours(text, variables)) : house.ours(text, variables));
      expect({ data: ours.data, paths: pathsOf(ours) }).toEqual({ data: whole.data, paths: pathsOf(whole) });
    }
  });

  if (!isMutable)
    test(`${operationsEach} operations of seed ${seed}`, async () => {
      const random = seeded(seed);
      let compared = 0;
      for (let n = 0; n < operationsEach; n++) {
        const { text, variables } = fuzzedOperation(house.graph.apiSchema, random);
        if (validate(house.graph.apiSchema, parse(text)).length > 0) continue;
        compared++;
        if (!(await difference(house, text, variables))) continue;
        const smallest = await shrunk(text, async (each) => (await difference(house, each, variables)) !== null);
        const found = await difference(house, smallest, variables);
        throw new Error(
          `Operation ${n}:\n${smallest}\n${JSON.stringify(variables)}\n` +
            `the whole graph: ${JSON.stringify(found?.expected)}\nours: ${JSON.stringify(found?.answered)}`,
        );
      }
      expect(compared).toBeGreaterThan(operationsEach / 3);
    }, 120_000);
});

async function fresh<Value>(given: (typeof corpus)[number], work: (house: DifferentialHouse) => Promise<Value>) {
  const house = await openHouse(given);
  try {
    return await work(house);
  } finally {
    await house.close();
  }
}

/** The smallest operation that still fails, as far as taking selections away one by one finds it. */
async function shrunk(text: string, fails: (text: string) => Promise<boolean>): Promise<string> {
  let smallest = text;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const candidate of smaller(smallest)) {
      if (!(await fails(candidate).catch(() => false))) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}

function* smaller(text: string): Generator<string> {
  const document = parse(text, { noLocation: true });
  let count = 0;
  visit(document, { SelectionSet: ({ selections }) => void (count += selections.length) });
  for (let at = 0; at < count; at++) {
    let n = 0;
    const changed = visit(document, {
      SelectionSet(set): SelectionSetNode | undefined {
        const kept = set.selections.filter(() => n++ !== at);
        if (kept.length === set.selections.length || kept.length === 0) return undefined;
        return { ...set, selections: kept };
      },
    });
    const spread = new Set<string>();
    visit(changed, { FragmentSpread: ({ name }) => void spread.add(name.value) });
    const definitions = changed.definitions.filter(
      (each) => each.kind !== Kind.FRAGMENT_DEFINITION || spread.has(each.name.value),
    );
    const printed = print({ ...changed, definitions });
    if (printed !== print(document)) yield printed;
  }
}
