import { PublicError } from "@atrium/errors";
import {
  coerceInputValue,
  getOperationAST,
  getVariableValues,
  Kind,
  typeFromAST,
  validate,
  visit,
  type DocumentNode,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import { operationLimits, type OperationLimits } from "./operation-limits";

/** An operation that was parsed, held against the limits and validated. */
export interface PreparedOperation {
  document: DocumentNode;
  operation: OperationDefinitionNode;
  /** The first field of the operation: bounded by the schema, unlike an operation's name. */
  field: string;
  /** Throws `BAD_USER_INPUT`, naming the field, or `OPERATION_TOO_COMPLEX`. */
  checkVariables(given: Readonly<Record<string, unknown>>): void;
}

const documentsMax = 1_000;
// Longer ones are rare, and a thousand of them would fill the memory.
const keptCharactersMax = 20_000;

/** Prepares operations against a schema; what was prepared is remembered, the least recently used is forgotten. */
export function operationPreparer(schema: GraphQLSchema, overrides?: Partial<OperationLimits>) {
  const limits = operationLimits(overrides);
  const documents = new Map<string, DocumentNode>();

  function documentOf(query: string): DocumentNode {
    const known = documents.get(query);
    if (known) {
      documents.delete(query);
      documents.set(query, known);
      return known;
    }
    const document = limits.parse(query);
    limits.checkShape(document);
    const [fault] = validate(schema, document, undefined, { maxErrors: 1 });
    if (fault) throw new PublicError("BAD_USER_INPUT", fault.message, { field: "query" });
    if (query.length <= keptCharactersMax) {
      documents.set(query, document);
      if (documents.size > documentsMax) documents.delete(documents.keys().next().value!);
    }
    return document;
  }

  return function prepare(query: string, operationName: string | undefined): PreparedOperation {
    const document = documentOf(query);
    const operation = getOperationAST(document, operationName);
    if (!operation) throw new PublicError("BAD_USER_INPUT", "Say which operation to run.", { field: "operationName" });
    const [first] = operation.selectionSet.selections;
    return {
      document,
      operation,
      field: first?.kind === Kind.FIELD ? first.name.value : "…",
      checkVariables(given) {
        limits.checkCost(schema, document, operation, readVariables(schema, operation, given));
      },
    };
  };
}

function readVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], given, { maxErrors: 1 });
  if (coerced) return coerced;
  throw new PublicError("BAD_USER_INPUT", errors[0]!.message, { field: faultyField(schema, operation, given) });
}

/** Which input is at fault: `input.email` for `createUser(input: $whatever)`. */
function faultyField(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
): string {
  const argumentOf = new Map<string, string>();
  visit(operation, {
    Argument({ name, value }) {
      if (value.kind === Kind.VARIABLE) argumentOf.set(value.name.value, name.value);
    },
  });
  for (const { variable, type: typeNode, defaultValue } of operation.variableDefinitions ?? []) {
    const name = variable.name.value;
    const type = typeFromAST(schema, typeNode as never) as GraphQLInputType | undefined;
    const value = given[name];
    if (!type || (value === undefined && defaultValue)) continue;
    let field: string | undefined;
    coerceInputValue(value, type, (path) => {
      field ??= [argumentOf.get(name) ?? name, ...path].join(".");
    });
    if (field !== undefined) return field;
  }
  return "variables";
}
