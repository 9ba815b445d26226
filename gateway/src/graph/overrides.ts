import { isInterfaceType, isObjectType, Kind, TypeInfo, visit, visitWithTypeInfo, type GraphQLSchema } from "graphql";
import type { Operation } from "./operation";

const percent = /^percent\((\d{1,2}(?:\.\d{1,8})?|100)\)$/;

/** Which label decides a field's owner, as `Type.field` → labels. */
type Labels = ReadonlyMap<string, readonly string[]>;

/**
 * Progressive overrides (`@override(from:, label:)`): who answers a field is decided anew for each request, by the share
 * that its label names. Only `percent(n)` labels are decided here; another label stays with the field's old owner.
 */
export function labelsOf(supergraphSchema: GraphQLSchema) {
  const labels = readLabels(supergraphSchema);
  const ofOperation = new WeakMap<Operation, readonly string[]>();

  return {
    /** The labels that this operation's fields depend on, decided for one request. */
    decide(operation: Operation): ReadonlyMap<string, boolean> | undefined {
      if (labels.size === 0) return undefined;
      let used = ofOperation.get(operation);
      if (!used) ofOperation.set(operation, (used = labelsIn(operation, supergraphSchema, labels)));
      if (used.length === 0) return undefined;
      return new Map(used.map((label) => [label, Math.random() * 100 < shareOf(label)]));
    },
  };
}

const shareOf = (label: string): number => Number(percent.exec(label)?.[1] ?? 0);

function readLabels(schema: GraphQLSchema): Labels {
  const labels = new Map<string, string[]>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields()))
      for (const { name, arguments: args } of field.astNode?.directives ?? []) {
        if (name.value !== "join__field") continue;
        const label = args?.find((argument) => argument.name.value === "overrideLabel")?.value;
        if (label?.kind !== Kind.STRING) continue;
        const place = `${type.name}.${field.name}`;
        labels.set(place, [...(labels.get(place) ?? []), label.value]);
      }
  }
  return labels;
}

function labelsIn({ document }: Operation, schema: GraphQLSchema, labels: Labels): string[] {
  const used = new Set<string>();
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      Field({ name }) {
        const parent = types.getParentType();
        if (!parent) return;
        const owners = isInterfaceType(parent) ? [parent, ...schema.getPossibleTypes(parent)] : [parent];
        for (const owner of owners)
          for (const label of labels.get(`${owner.name}.${name.value}`) ?? []) used.add(label);
      },
    }),
  );
  return [...used].sort();
}
