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
    if (!isKnown(sent) || !fields.some(({ key }) => key === "__typename"))
      return { represent: () => null, key: null, told: "" };
    const others = fields.filter(({ key }) => key !== "__typename");
    const only = others.length === 1 && !others[0]!.selections ? others[0]!.key : null;
    const plain = compileFields(fields, isOfType, sent);
    const told = `${sent} ${only}`;
    if (!rewrite) return { represent: plain, key: only, told };
    const represent: Represent = (entity) => {
      const text = plain(entity);
      if (text === null) return null;
      const representation = JSON.parse(text) as Tree;
      rewrite(representation);
      return JSON.stringify(representation);
    };
    return { represent, key: only, told };
  };

  const typeOf = (typename: string): OfType => {
    let type = ofType.get(typename);
    if (!type) ofType.set(typename, (type = compileFor(typename)));
    return type;
  };

  return (entities) => {
    const groups: Group[] = [];
    const grouped = (text: string | null, entity: Tree): Group | null => {
      if (text === null) return null;
      const group = { text, entities: [entity] };
      groups.push(group);
      return group;
    };
    let byText: Map<string, Group> | undefined;
    let byValue: Map<string, Map<unknown, Group | null>> | undefined;
    // Most entities follow one of the same type, and have one key, whose value tells them apart before any text is put together.
    let last: string | undefined;
    let type!: OfType;
    let ofKey: Map<unknown, Group | null> | undefined;
    for (const entity of entities) {
      const typename = entity.__typename;
      if (typeof typename !== "string") continue;
      if (typename !== last) {
        last = typename;
        type = typeOf(typename);
        ofKey = undefined;
        if (type.key !== null) {
          byValue ??= new Map();
          ofKey = byValue.get(type.told);
          if (!ofKey) byValue.set(type.told, (ofKey = new Map()));
        }
      }
      const value = ofKey && entity[type.key!];
      if (ofKey && (typeof value === "string" || typeof value === "number")) {
        const known = ofKey.get(value);
        if (known === undefined) ofKey.set(value, grouped(type.represent(entity), entity));
        else known?.entities.push(entity);
        continue;
      }
      const text = type.represent(entity);
      if (text === null) continue;
      byText ??= new Map();
      const known = byText.get(text);
      if (known) known.entities.push(entity);
      else byText.set(text, grouped(text, entity)!);
    }
    return groups;
  };
}

interface OfType {
  represent: Represent;
  /** The only field beside the type's name, where it is one. */
  key: string | null;
  /** The type's name as it is sent, and the key. */
  told: string;
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

// What keys mostly are.
const plainText = /^[\w .:/+=-]{0,64}$/;

const textOf = (value: unknown): string =>
  typeof value === "string" && plainText.test(value) ? `"${value}"` : JSON.stringify(value);

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
