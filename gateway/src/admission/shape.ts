import { PublicError } from "@atrium/errors";
import { operationLimits, type OperationLimits } from "@atrium/subgraph/operation-limits";
import { GraphQLError, type DocumentNode } from "graphql";
import { RequestRefused } from "../endpoint";

/** Parses what a client sent, within the limits of its text and shape. Throws `RequestRefused`, naming the limit. */
export function parserWithin(overrides: Partial<OperationLimits>): (text: string) => DocumentNode {
  const { parse, checkShape } = operationLimits(overrides);
  return (text) => {
    try {
      const document = parse(text);
      checkShape(document);
      return document;
    } catch (error) {
      if (!(error instanceof PublicError)) throw error;
      const code = error.extensions.code === "BAD_USER_INPUT" ? "GRAPHQL_PARSE_FAILED" : error.extensions.code;
      throw new RequestRefused([new GraphQLError(error.message, { extensions: { code } })]);
    }
  };
}
