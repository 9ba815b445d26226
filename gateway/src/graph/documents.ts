import {
  getVariableValues,
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
  OverlappingFieldsCanBeMergedRule,
  print,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type VariableDefinitionNode,
} from "graphql";
import { LRUCache } from "lru-cache";
import { createHash } from "node:crypto";
import { RequestRefused } from "../endpoint";
import { alone } from "./alone";
import type { Operation } from "./operation";
import { OverlappingFieldsByPathRule } from "./overlapping-fields";

// A parsed document, and what is made of it, take roughly this much memory for each character of its text.
const bytesPerCharacter = 120;
const cacheBytesMax = 32 * 1024 * 1024;
const faultsMax = 10;

export interface Documents {
  /** The whole text: parsed, within the limits, valid. Throws `RequestRefused`. */
  documentOf(text: string): DocumentNode;
  /** One operation of a text: parsed, within the limits, valid. Throws `RequestRefused`. */
  operationOf(text: string, operationName: string | undefined): Operation;
  /** The operation's variables with its defaults. Throws `RequestRefused`, naming each that is wrong. */
  variablesOf(
    operation: Operation,
    given: Readonly<Record<string, unknown>> | null | undefined,
  ): Readonly<Record<string, unknown>>;
}

interface Entry {
  document: DocumentNode;
  operations: Map<string, Operation>;
}

/** What clients send, read once for each text: thousands send the same, and share all that is made of it. */
export function createDocuments(o: {
  schema: GraphQLSchema;
  /** Whether clients may read the schema. */
  introspection: boolean;
  /** Whether they may have it suggest names; where they may read it, unless told otherwise. */
  suggestions?: boolean;
  /** Parses within the limits of text and shape; throws what the client is told. */
  parse?(text: string): DocumentNode;
}): Documents {
  const { schema, introspection, suggestions = introspection } = o;
  const rules = introspection ? validationRules : [...validationRules, NoSchemaIntrospectionCustomRule];
  const entries = new LRUCache<string, Entry>({
    maxSize: cacheBytesMax,
    sizeCalculation: (_, text) => text.length * bytesPerCharacter + 1_000,
  });

  function entryOf(text: string): Entry {
    const known = entries.get(text);
    if (known) return known;
    const document = parseWith(o.parse ?? parse, text);
    // Where the schema is closed, a typing error doesn't open it.
    const faults = validate(schema, document, rules, { maxErrors: faultsMax, hideSuggestions: !suggestions });
    if (faults.length > 0)
      throw new RequestRefused(faults.map((fault) => withCode(fault, "GRAPHQL_VALIDATION_FAILED")));
    const entry = { document, operations: new Map<string, Operation>() };
    entries.set(text, entry);
    return entry;
  }

  return {
    documentOf: (text) => entryOf(text).document,
    operationOf(text, operationName) {
      const entry = entryOf(text);
      const known = entry.operations.get(operationName ?? "");
      if (known) return known;
      const operation = operationIn(entry.document, operationName);
      entry.operations.set(operationName ?? "", operation);
      return operation;
    },
    variablesOf({ definition }, given) {
      const definitions = definition.variableDefinitions ?? [];
      if (definitions.length === 0) return nothing;
      const { coerced, errors } = getVariableValues(schema, definitions, given ?? {}, { maxErrors: faultsMax });
      if (errors) throw new RequestRefused(errors.map(inputFault));
      return coerced;
    },
  };
}

const nothing = Object.freeze({});

/** All that the specification asks; that fields can be merged, without graphql-js's comparing each two. */
const validationRules = specifiedRules.map((rule) =>
  rule === OverlappingFieldsCanBeMergedRule ? OverlappingFieldsByPathRule : rule,
);

function parseWith(read: (text: string) => DocumentNode, text: string): DocumentNode {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new RequestRefused([withCode(error, "GRAPHQL_PARSE_FAILED")]);
  }
}

function operationIn(document: DocumentNode, operationName: string | undefined): Operation {
  const definitions = document.definitions.filter(
    (each): each is OperationDefinitionNode => each.kind === Kind.OPERATION_DEFINITION,
  );
  const named = operationName
    ? definitions.find(({ name }) => name?.value === operationName)
    : definitions.length === 1
      ? definitions[0]
      : undefined;
  if (!named) {
    const message = operationName
      ? `There is no operation "${operationName}" in the document.`
      : "Say which operation to run: operationName has to name one of the document's.";
    throw new RequestRefused([new GraphQLError(message, { extensions: { code: "OPERATION_RESOLUTION_FAILURE" } })]);
  }
  const own = alone(named, document);
  return {
    // By what it says rather than how it is written, so that white space and comments make no other operation.
    key: createHash("sha256").update(print(own)).digest("base64url"),
    document: own,
    definition: named,
    name: named.name?.value,
    type: named.operation,
  };
}

/** graphql-js names the place of a wrong value in the message alone: `… at "input.email"; …`. */
function inputFault(error: GraphQLError): GraphQLError {
  const node = error.nodes?.find(({ kind }) => kind === Kind.VARIABLE_DEFINITION) as VariableDefinitionNode | undefined;
  const field = / at "([^"]+)";/.exec(error.message)?.[1] ?? node?.variable.name.value ?? "variables";
  return new GraphQLError(error.message, { nodes: error.nodes, extensions: { code: "BAD_USER_INPUT", field } });
}

const withCode = ({ nodes, source, positions, message }: GraphQLError, code: string) =>
  new GraphQLError(message, { nodes, source, positions, extensions: { code } });
