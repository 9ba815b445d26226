import { parse, validate } from "graphql";
import type { Case } from "./case";
import { compared, difference, shrunk } from "./compare";
import { corpus } from "./corpus";
import { deferred, fuzzedOperation, seeded, type Fuzzed } from "./fuzzer";
import { PlanningRefused } from "../graph/graph";
import { openHouse, type DifferentialHouse } from "./house";

// So many operations for each graph; DIFFERENCES.md says how to make more, and others.
const operationsEach = Number(process.env.DIFFERENTIAL_OPERATIONS ?? 80);
const seed = Number(process.env.DIFFERENTIAL_SEED ?? 1);

type Ask = (house: DifferentialHouse, operation: Fuzzed) => Promise<Awaited<ReturnType<DifferentialHouse["ours"]>>>;
const ours: Ask = (house, { text, variables }) => house.ours(text, variables);
const inParts: Ask = (house, { text, variables }) => house.inParts(text, variables);
const whole: Ask = (house, { text, variables }) => house.whole(text, variables);

describe.each(corpus.map((each) => [each.name, each] as const))("%s", (_, given) => {
  let house: DifferentialHouse;
  beforeAll(async () => {
    house = await openHouse(given);
  });
  afterAll(() => house?.close());
  const isMutable = given.operations.some((text) => text.startsWith("mutation"));

  /** Each asker finds the graph as it was. */
  const asked = (ask: Ask, operation: Fuzzed) => {
    if (isMutable) house.reset();
    return ask(house, operation);
  };
  const differs = async (ask: Ask, operation: Fuzzed) =>
    difference(await asked(whole, operation), await asked(ask, operation), { inOrder: ask !== inParts });

  test.each(given.operations)("%s", async (text) => {
    expect(validate(house.graph.apiSchema, parse(text))).toEqual([]);
    for (const on of [true, false]) {
      const variables = { ...(text.includes("$on") && { on }), ...(text.includes("$in") && { in: given.input }) };
      const operation = { text, variables };
      expect(compared(await asked(ours, operation))).toEqual(compared(await asked(whole, operation)));
    }
  });

  const types = isMutable ? (["query", "mutation"] as const) : (["query"] as const);
  test.each(types)(
    `${operationsEach} operations of seed ${seed}: %s`,
    async (type) => {
      const random = seeded(seed);
      let count = 0;
      let refused = 0;
      const differsUnlessRefused = (ask: Ask, operation: Fuzzed) =>
        differs(ask, operation).catch((error: unknown) => {
          // Without a plan there is no answer, neither a right one nor a wrong one.
          if (!(error instanceof PlanningRefused)) throw error;
          refused++;
          return null;
        });
      for (let n = 0; n < operationsEach; n++) {
        const operation = fuzzedOperation(house.graph.apiSchema, random, { type, words: wordsOf(given) });
        if (validate(house.graph.apiSchema, parse(operation.text)).length > 0) continue;
        count++;
        if (await differsUnlessRefused(ours, operation)) await fail(ours, operation, n);
        if (type === "mutation") continue;
        const later = deferred(operation, random);
        if (validate(house.graph.apiSchema, parse(later.text)).length > 0) continue;
        // A null that may not be ends with its own part, which graphql-js's whole answer knows nothing of.
        const found = await differsUnlessRefused(inParts, later);
        if (found && !(await asked(whole, later)).errors) await fail(inParts, later, n);
      }
      expect(refused).toBeLessThanOrEqual(2 + count / 50);
      expect(count).toBeGreaterThan(operationsEach / 3);
    },
    3_600_000,
  );

  async function fail(ask: Ask, operation: Fuzzed, n: number): Promise<never> {
    const { variables } = operation;
    const text = await shrunk(operation.text, async (each) => (await differs(ask, { text: each, variables })) !== null);
    const found = await differs(ask, { text, variables });
    throw new Error(
      `Operation ${n} of seed ${seed}:\n${text}\n${JSON.stringify(variables)}\n` +
        `the whole graph: ${JSON.stringify(found?.expected)}\nours: ${JSON.stringify(found?.answered)}`,
    );
  }
});

/** Short texts of the data: what arguments may name. */
function wordsOf(given: Case): string[] {
  const texts = Object.values(given.data())
    .flat()
    .flatMap((each) => Object.values(each))
    .filter((value): value is string => typeof value === "string" && value.length < 8);
  return ["none", ...new Set(texts)];
}
