import { PublicError } from "@atrium/errors";
import { operationLimits, type OperationLimits } from "@atrium/subgraph/operation-limits";
import { GraphQLError, type DocumentNode } from "graphql";
import { RequestRefused } from "../endpoint";

/** Parses what a client sent, within the limits of its text and shape. Throws `RequestRefused`, naming the limit. */
export function parserWithin(overrides: Partial<OperationLimits>): (text: string) => DocumentNode {
  const { parse, checkShape } = operationLimits(overrides);
  return refusing((text) => {
    const document = parse(text);
    checkShape(document);
    return document;
  });
}

/** The same of a parser whose refusals are `PublicError`s. */
export function refusing(read: (text: string) => DocumentNode): (text: string) => DocumentNode {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof PublicError)) throw error;
      const code = error.extensions.code === "BAD_USER_INPUT" ? "GRAPHQL_PARSE_FAILED" : error.extensions.code;
      const { source, positions } = error.cause instanceof GraphQLError ? error.cause : {};
      throw new RequestRefused([new GraphQLError(error.message, { source, positions, extensions: { code } })]);
    }
  };
}
