import { buildSchema, SchemaBlueprint, Supergraph, type Schema } from "@apollo/federation-internals";
import { DirectiveLocation, Kind, type DocumentNode, type GraphQLSchema } from "graphql";

/**
 * `Supergraph.build`, with its refusals in its words: some when the subgraphs or the API schema are asked for.
 *
 * The library prints each schema that it has made, the subgraphs' too, parses that again and runs graphql-js's rules over
 * it: more than half of its time. What has been made of objects can break few of these rules, so those are looked at
 * here, on the objects; all else that the library looks at it still does. Where anything at all seems wrong it reads the
 * text anew, in its own way.
 */
export const readSupergraph = (sdl: string): Supergraph =>
  // Directives that clients' rights depend on are enforced before planning (authorization/): the planner may ignore them.
  readQuickly(sdl) ?? Supergraph.build(sdl, { supportedFeatures: null });

/** One subgraph's own schema, as composition saw it. */
export function subgraphSchemaIn(sdl: string, name: string): GraphQLSchema {
  const subgraph = readSupergraph(sdl).subgraphs().get(name);
  if (!subgraph) throw new Error(`The supergraph has no subgraph "${name}".`);
  return subgraph.schema.toGraphQLJSSchema();
}

function readQuickly(sdl: string): Supergraph | null {
  try {
    const schema = buildSchema(sdl, { validate: false, blueprint: new WithoutRules() });
    // Composition writes no extensions; what they may extend is one of the rules.
    if (schema.types().some((type) => type.hasExtensionElements()) || !areDirectivesInPlace(schema)) return null;
    validate(schema);
    const supergraph = new Supergraph(schema, null, false);
    for (const { schema: subgraph } of supergraph.subgraphs()) {
      if (!areDirectivesInPlace(subgraph)) return null;
      subgraph.blueprint.validationRules = () => [];
      subgraph.invalidate();
      validate(subgraph);
    }
    supergraph.apiSchema();
    return supergraph;
  } catch {
    return null;
  }
}

class WithoutRules extends SchemaBlueprint {
  override validationRules() {
    return [];
  }
}

const nothing: DocumentNode = { kind: Kind.DOCUMENT, definitions: [] };

/** By the library, but for the rules about documents. */
function validate(schema: Schema): void {
  schema.toAST = () => nothing;
  schema.validate();
  delete (schema as Partial<Schema>).toAST;
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
