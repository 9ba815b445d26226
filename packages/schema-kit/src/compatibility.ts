import {
  buildASTSchema,
  findBreakingChanges,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  print,
  type ConstDirectiveNode,
  type DocumentNode,
  type GraphQLSchema,
} from "graphql";

/**
 * What in `newSdl` would break a client, or the composition with other subgraphs, that relies on `oldSdl`; one
 * sentence each. What was deprecated with a date of removal (`… Removed after 2027-01-31.`) may go once it has passed.
 */
export function breakingChanges(oldSdl: string, newSdl: string, now = new Date()): string[] {
  const [before, after] = [parse(oldSdl), parse(newSdl)];
  const schemaBefore = toSchema(before);
  const inSchema = findBreakingChanges(schemaBefore, toSchema(after))
    .map(({ description }) => description)
    .filter((description) => !wasDueForRemoval(schemaBefore, description, now));
  return [...inSchema, ...federationChanges(before, after)];
}

const toSchema = (document: DocumentNode): GraphQLSchema =>
  // Federation's directives aren't defined in the document.
  buildASTSchema(document, { assumeValid: true, assumeValidSDL: true });

function wasDueForRemoval(schema: GraphQLSchema, description: string, now: Date): boolean {
  const [, typeName, fieldName] = /^(\w+)\.(\w+) was removed\.$/.exec(description) ?? [];
  const [, valueName, enumName] = /^(\w+) was removed from enum type (\w+)\.$/.exec(description) ?? [];
  const type = schema.getType(typeName ?? enumName ?? "");
  const removed =
    isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)
      ? type.getFields()[fieldName ?? ""]
      : isEnumType(type)
        ? type.getValue(valueName ?? "")
        : undefined;
  const [date] = /\d{4}-\d{2}-\d{2}/.exec(removed?.deprecationReason ?? "") ?? [];
  return date !== undefined && Date.parse(date) < now.getTime();
}

/** Keys that are gone, and what clients could see before and can't now. */
function federationChanges(before: DocumentNode, after: DocumentNode): string[] {
  const [old, current] = [directivesByCoordinate(before), directivesByCoordinate(after)];
  return [...current].flatMap(([coordinate, directives]) => {
    const had = old.get(coordinate);
    if (!had) return [];
    const keysGone = [...had].filter((directive) => directive.startsWith("@key") && !directives.has(directive));
    const hidden = directives.has("@inaccessible") && !had.has("@inaccessible");
    return [
      ...keysGone.map((key) => `${coordinate} lost ${key}.`),
      ...(hidden ? [`${coordinate} became @inaccessible.`] : []),
    ];
  });
}

function directivesByCoordinate(document: DocumentNode): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const add = (coordinate: string, directives: readonly ConstDirectiveNode[] = []) =>
    found.set(coordinate, new Set(directives.map((directive) => print(directive))));
  for (const definition of document.definitions) {
    if (!("name" in definition) || !definition.name || definition.kind === Kind.DIRECTIVE_DEFINITION) continue;
    const name = definition.name.value;
    if ("directives" in definition) add(name, definition.directives as readonly ConstDirectiveNode[]);
    const members = "fields" in definition ? definition.fields : "values" in definition ? definition.values : undefined;
    for (const member of members ?? []) add(`${name}.${member.name.value}`, member.directives);
  }
  return found;
}
