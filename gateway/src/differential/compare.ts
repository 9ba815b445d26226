import { isDeepStrictEqual } from "node:util";
import {
  Kind,
  parse,
  print,
  visit,
  type ASTNode,
  type DocumentNode,
  type SelectionSetNode,
  type VariableDefinitionNode,
} from "graphql";
import type { Answer } from "../execution/engine";

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

/** An answer as far as the specification determines it: the order of an object's keys is part of it. */
export const compared = (answer: Answer) => ({ data: answer.data ?? null, paths: pathsOf(answer) });

/** What differs between two answers; null when nothing does. An answer in parts has its keys in the order they came in. */
export function difference(expected: Answer, answered: Answer, { inOrder }: { inOrder: boolean }) {
  const pair = { expected: compared(expected), answered: compared(answered) };
  if (!inOrder) return isDeepStrictEqual(pair.expected, pair.answered) ? null : pair;
  return JSON.stringify(pair.expected) === JSON.stringify(pair.answered) ? null : pair;
}

/** The smallest operation that still fails, as far as taking selections away one by one finds it. */
export async function shrunk(text: string, fails: (text: string) => Promise<boolean>): Promise<string> {
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

/** Without the variables that nothing names any more: an operation with them isn't valid. */
function withoutUnused(document: DocumentNode): DocumentNode {
  const named = new Set<string>();
  const isUsed = ({ variable }: VariableDefinitionNode) => named.has(variable.name.value);
  visit(document, { Variable: ({ name }, _, parent) => void (isDefinition(parent) || named.add(name.value)) });
  return visit(document, {
    OperationDefinition: (each) => ({ ...each, variableDefinitions: each.variableDefinitions?.filter(isUsed) }),
  });
}

const isDefinition = (parent: unknown): boolean => (parent as ASTNode | undefined)?.kind === Kind.VARIABLE_DEFINITION;

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
    const printed = print(withoutUnused({ ...changed, definitions }));
    if (printed !== print(document)) yield printed;
  }
}
