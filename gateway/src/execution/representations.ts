import type { FetchDataRewrite, QueryPlanSelectionNode } from "@apollo/query-planner";
import { compileRewrites, type IsOfType } from "./rewrites";
import { getOwn, isTree, type Tree } from "./tree";

/** Puts an entity's representation together, as JSON text; null where something of it isn't known. */
type Represent = (entity: Tree) => string | null;

/** The entities that have one representation: it is sent once, however many they are. */
export interface Group {
  text: string;
  entities: Tree[];
}

/** Sorts entities by their representations. Those of which something isn't known, or whose type isn't, are left out. */
export type GroupEntities = (entities: readonly Tree[]) => Group[];

const fragment = "... on ";

/**
 * Compiles what a fetch requires of its entities, for each concrete type when it is first met. Text rather than objects:
 * it is what HTTP sends, and what tells identical representations apart.
 */
export function compileRepresentations(
  requires: readonly QueryPlanSelectionNode[],
  inputRewrites: readonly FetchDataRewrite[] | undefined,
  isOfType: IsOfType,
  isKnown: (typename: string) => boolean = () => true,
): GroupEntities {
  // Setting the type's name is by far the usual one and is known when the type is; others change the finished object.
  const typenames = (inputRewrites ?? []).filter(
    (rewrite) => rewrite.kind === "ValueSetter" && rewrite.path.length <= 2 && rewrite.path.at(-1) === "__typename",
  );
  const rewrite = compileRewrites(
    inputRewrites?.filter((each) => !typenames.includes(each)),
    isOfType,
  );
  const ofType = new Map<string, OfType>();

  const compileFor = (typename: string): OfType => {
    const setter = typenames.findLast(
      ({ path: [condition] }) =>
        !condition?.startsWith(fragment) || isOfType(typename, condition.slice(fragment.length)),
    );
    const sent = setter?.kind === "ValueSetter" ? String(setter.setValueTo) : typename;
    const fields = fieldsFor(requires, typename, isOfType);
    // Of an interface's objects, what is required names some; others may still have all of it but the key.
    if (!isKnown(sent) || !fields.some(({ key }) => key === "__typename")) return { represent: () => null, key: null };
    const others = fields.filter(({ key }) => key !== "__typename");
    const only = others.length === 1 && !others[0]!.selections ? others[0]!.key : null;
    const plain = compileFields(fields, isOfType, sent);
    if (!rewrite) return { represent: plain, key: only };
    const represent: Represent = (entity) => {
      const text = plain(entity);
      if (text === null) return null;
      const representation = JSON.parse(text) as Tree;
      rewrite(representation);
      return JSON.stringify(representation);
    };
    return { represent, key: only };
  };

  return (entities) => {
    const groups: Group[] = [];
    const byText = new Map<string, Group>();
    // Most entities have one key, whose value tells them apart before any text is put together.
    const byValue = new Map<OfType, Map<unknown, Group | null>>();
    for (const entity of entities) {
      const typename = entity.__typename;
      if (typeof typename !== "string") continue;
      let type = ofType.get(typename);
      if (!type) ofType.set(typename, (type = compileFor(typename)));
      const { key, represent } = type;
      const value = key === null ? undefined : entity[key];
      let known: Map<unknown, Group | null> | undefined;
      if (typeof value === "string" || typeof value === "number") {
        known = byValue.get(type);
        if (!known) byValue.set(type, (known = new Map()));
        const same = known.get(value);
        if (same !== undefined) {
          same?.entities.push(entity);
          continue;
        }
      }
      const text = represent(entity);
      let group = text === null ? null : byText.get(text);
      if (group) group.entities.push(entity);
      else if (text !== null) {
        group = { text, entities: [entity] };
        byText.set(text, group);
        groups.push(group);
      }
      known?.set(value, group ?? null);
    }
    return groups;
  };
}

interface OfType {
  represent: Represent;
  /** The only field beside the type's name, where it is one. */
  key: string | null;
}

interface RequiredField {
  key: string;
  selections: QueryPlanSelectionNode[] | null;
}

/** The fields that apply to objects of a type, each once, with their selections together. */
function fieldsFor(
  selections: readonly QueryPlanSelectionNode[],
  typename: string | undefined,
  isOfType: IsOfType,
  fields = new Map<string, RequiredField>(),
): RequiredField[] {
  for (const selection of selections) {
    if (selection.kind === "InlineFragment") {
      const condition = selection.typeCondition;
      if (condition === undefined || isOfType(typename, condition))
        fieldsFor(selection.selections, typename, isOfType, fields);
      continue;
    }
    const key = selection.alias ?? selection.name;
    const known = fields.get(key);
    if (known) known.selections?.push(...(selection.selections ?? []));
    else fields.set(key, { key, selections: selection.selections ? [...selection.selections] : null });
  }
  return [...fields.values()];
}

function compileFields(fields: readonly RequiredField[], isOfType: IsOfType, typename?: string): Represent {
  const parts = fields.map(({ key, selections }, at) => {
    const name = `${at === 0 ? "" : ","}${JSON.stringify(key)}:`;
    if (key === "__typename" && typename !== undefined)
      return { key, name: name + JSON.stringify(typename), text: null };
    return { key, name, text: selections ? compileNested(selections, isOfType) : textOf };
  });
  return (entity) => {
    let text = "{";
    for (const part of parts) {
      if (part.text === null) {
        text += part.name;
        continue;
      }
      const value = part.key in Object.prototype ? getOwn(entity, part.key) : entity[part.key];
      if (value === undefined) return null;
      const own = part.text(value);
      if (own === null) return null;
      text += part.name + own;
    }
    return `${text}}`;
  };
}

const textOf = (value: unknown): string => JSON.stringify(value);

function compileNested(selections: readonly QueryPlanSelectionNode[], isOfType: IsOfType) {
  const ofType = new Map<unknown, Represent>();
  const nested = (value: unknown): string | null => {
    if (value === null) return "null";
    if (Array.isArray(value)) {
      const items: string[] = [];
      for (const item of value) {
        const text = nested(item);
        if (text === null) return null;
        items.push(text);
      }
      return `[${items.join(",")}]`;
    }
    if (!isTree(value)) return null;
    const typename = value.__typename;
    let represent = ofType.get(typename);
    if (!represent) {
      const name = typeof typename === "string" ? typename : undefined;
      ofType.set(typename, (represent = compileFields(fieldsFor(selections, name, isOfType), isOfType)));
    }
    return represent(value);
  };
  return nested;
}
