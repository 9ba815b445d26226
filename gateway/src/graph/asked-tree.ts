import type { FieldNode, GraphQLNamedType } from "graphql";
import type { Parents, SelectedField } from "./overlapping-fields";

/** Fields of one response path by the types of object around them, outermost first; null for one that isn't an object. */
interface Branch {
  readonly inside: Map<GraphQLNamedType | null, Branch>;
  readonly some: SelectedField;
  /** One that asks differently. */
  other: SelectedField | undefined;
}

/**
 * Tells whether fields of one response path ask differently of what could be the same object: at no level around them are
 * there two different types of object. Such pairs are looked for in the tree of those types, and only where it has fields
 * that differ. (To put the fields into groups of common parents, as is usual, takes time exponential in the depth where
 * interfaces and objects alternate.)
 */
export function createAskedTree(o: { askedBy(node: FieldNode): string; spend(steps: number): void }) {
  const branchOf = (some: SelectedField): Branch => ({ inside: new Map(), some, other: undefined });

  function add(branch: Branch, field: SelectedField): void {
    if (!branch.other && o.askedBy(branch.some.node) !== o.askedBy(field.node)) branch.other = field;
  }

  function treeOf(fields: readonly SelectedField[]): Branch {
    const tree = branchOf(fields[0]!);
    for (const field of fields) {
      let branch = tree;
      add(branch, field);
      for (const type of typesAround(field)) {
        o.spend(1);
        let inside = branch.inside.get(type);
        if (inside) add(inside, field);
        else branch.inside.set(type, (inside = branchOf(field)));
        branch = inside;
      }
    }
    return tree;
  }

  function differing(one: Branch, another: Branch): [SelectedField, SelectedField] | undefined {
    if (one.other) return [one.some, one.other];
    if (another.other) return [another.some, another.other];
    return o.askedBy(one.some.node) === o.askedBy(another.some.node) ? undefined : [one.some, another.some];
  }

  return {
    /** Two such fields. All have the same response path, so equally many around them. */
    conflictIn(fields: readonly SelectedField[]): [SelectedField, SelectedField] | undefined {
      const tree = treeOf(fields);
      const left: [Branch, Branch][] = [[tree, tree]];
      for (let pair = left.pop(); pair; pair = left.pop()) {
        const [one, another] = pair;
        o.spend(1);
        const apart = differing(one, another);
        if (!apart) continue;
        if (one.inside.size === 0) return apart;
        for (const [type, inside] of one.inside) {
          const same = another.inside.get(type);
          if (same) left.push([inside, same]);
          if (type !== null) {
            const any = another.inside.get(null);
            if (any) left.push([inside, any]);
          } else if (one !== another)
            for (const [otherType, other] of another.inside) if (otherType !== null) left.push([inside, other]);
        }
      }
      return undefined;
    },
  };
}

function typesAround({ parents }: SelectedField): (GraphQLNamedType | null)[] {
  const types: (GraphQLNamedType | null)[] = [];
  // The outermost has nothing outside of it and stands for no object.
  for (let each: Parents = parents; each.outside; each = each.outside) types.unshift(each.type);
  return types;
}
