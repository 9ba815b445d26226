import { buildSchema, Schema, Supergraph } from "@apollo/federation-internals";
import { DirectiveLocation, Kind, type GraphQLSchema } from "graphql";

/**
 * `Supergraph.build`, with its refusals in its words: some when the subgraphs or the API schema are asked for.
 *
 * The library prints each schema that it has made, the subgraphs' and the API's too, parses that again and runs graphql-js's
 * rules over it: more than half of its time. What has been made of objects can break few of these rules, so those are
 * looked at here, on the objects; all else that the library looks at it still does. Where anything at all seems wrong it
 * reads the text anew, in its own way.
 */
export const readSupergraph = (sdl: string): Supergraph =>
  // Directives that clients' rights depend on are enforced before planning (authorization/): the planner may ignore them.
  withoutDocuments(() => readQuickly(sdl)) ?? Supergraph.build(sdl, { supportedFeatures: null });

/** One subgraph's own schema, as composition saw it. */
export function subgraphSchemaIn(sdl: string, name: string): GraphQLSchema {
  const subgraph = readSupergraph(sdl).subgraphs().get(name);
  if (!subgraph) throw new Error(`The supergraph has no subgraph "${name}".`);
  return subgraph.schema.toGraphQLJSSchema();
}

function readQuickly(sdl: string): Supergraph | null {
  try {
    const schema = buildSchema(sdl, { validate: false });
    // Composition writes no extensions; what they may extend is one of the rules.
    if (schema.types().some((type) => type.hasExtensionElements()) || !areDirectivesInPlace(schema)) return null;
    schema.validate();
    const supergraph = new Supergraph(schema, null, false);
    for (const { schema: subgraph } of supergraph.subgraphs()) {
      if (!areDirectivesInPlace(subgraph)) return null;
      // It was taken for valid.
      subgraph.invalidate();
      subgraph.validate();
    }
    supergraph.apiSchema();
    return supergraph;
  } catch {
    return null;
  }
}

/** Lets schemas be validated as an empty document is by graphql-js, and by the library as ever. */
function withoutDocuments<Result>(work: () => Result): Result {
  const toAST = Object.getOwnPropertyDescriptor(Schema.prototype, "toAST")!;
  Schema.prototype.toAST = () => ({ kind: Kind.DOCUMENT, definitions: [] });
  try {
    return work();
  } finally {
    Object.defineProperty(Schema.prototype, "toAST", toAST);
  }
}

/**
 * Whether directives stand where they may, as often as they may, with the arguments that they have and need. That names
 * are known and unique needs no look: they are the keys by which objects know each other.
 */
function areDirectivesInPlace(schema: Schema): boolean {
  for (const directive of [...schema.builtInDirectives(true), ...schema.directives()]) {
    const places = new Set<DirectiveLocation | undefined>(directive.locations);
    const known = new Set(directive.arguments().map(({ name }) => name));
    const required = directive.arguments().filter((argument) => argument.isRequired());
    const seen = new Set<object>();
    for (const application of directive.applications()) {
      const { kind } = application.parent as { kind?: string };
      const given: Record<string, unknown> = application.arguments();
      if (!places.has(locationOf[kind ?? ""])) return false;
      if (required.some(({ name }) => given[name] === undefined)) return false;
      for (const name in given) if (!known.has(name)) return false;
      if (directive.repeatable) continue;
      if (seen.has(application.parent)) return false;
      seen.add(application.parent);
    }
  }
  return true;
}

const locationOf: Partial<Record<string, DirectiveLocation>> = {
  SchemaDefinition: DirectiveLocation.SCHEMA,
  ScalarType: DirectiveLocation.SCALAR,
  ObjectType: DirectiveLocation.OBJECT,
  FieldDefinition: DirectiveLocation.FIELD_DEFINITION,
  ArgumentDefinition: DirectiveLocation.ARGUMENT_DEFINITION,
  InterfaceType: DirectiveLocation.INTERFACE,
  UnionType: DirectiveLocation.UNION,
  EnumType: DirectiveLocation.ENUM,
  EnumValue: DirectiveLocation.ENUM_VALUE,
  InputObjectType: DirectiveLocation.INPUT_OBJECT,
  InputFieldDefinition: DirectiveLocation.INPUT_FIELD_DEFINITION,
};
