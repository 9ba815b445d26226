import { mask, errorCodes, type ErrorCode } from "@atrium/errors";
import { describeFault } from "@atrium/subgraph";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import type { Logger } from "pino";

// A syntax error quotes the query: a caller gets back at most so much of what they sent.
const messageLengthMax = 500;

/** What a subgraph may tell the caller besides the message. */
const extensionsPassedOn = ["code", "field", "retryAfterSeconds", "faultId", "service"];

/** Faults in the request itself, which graphql-js and Apollo Server name. Their messages quote nothing of ours. */
const requestFaults = new Set([
  "BAD_REQUEST",
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "OPERATION_RESOLUTION_FAILURE",
  "PERSISTED_QUERY_NOT_FOUND",
  "PERSISTED_QUERY_NOT_SUPPORTED",
  "OPERATION_NOT_SAFELISTED",
]);

/**
 * The last look at an error before it leaves: codes that callers are meant to see pass with a list of extensions,
 * everything else is logged and masked. `thrown` is what was thrown, `formatted` what would be sent.
 */
export function maskError(formatted: GraphQLFormattedError, thrown: unknown, log: Logger): GraphQLFormattedError {
  const code = formatted.extensions?.["code"];
  const place = {
    ...(formatted.locations && { locations: formatted.locations }),
    ...(formatted.path && { path: formatted.path }),
  };
  if (typeof code === "string" && requestFaults.has(code))
    return { message: shortened(formatted.message), ...place, extensions: { code } };
  const alreadyMasked = typeof formatted.extensions?.["faultId"] === "string";
  if (isPublicCode(code) && (code !== "INTERNAL_SERVER_ERROR" || alreadyMasked))
    return { message: shortened(formatted.message), ...place, extensions: passedOn(formatted.extensions!) };
  return {
    ...mask(original(thrown), (faultId, err) =>
      log.error({ faultId, fault: describeFault(err) }, "A fault was masked."),
    ),
    ...place,
  };
}

/** The same for an error that goes on to be formatted: one that is masked twice stays as it is. */
export function maskGraphQLError(thrown: unknown, log: Logger): GraphQLError {
  const error =
    thrown instanceof GraphQLError ? thrown : new GraphQLError(String(thrown), { originalError: thrown as Error });
  const { message, extensions, path } = maskError(error.toJSON(), thrown, log);
  const http = error.extensions["http"];
  return new GraphQLError(message, {
    nodes: error.nodes,
    path,
    extensions: { ...extensions, ...(http !== undefined && { http }) },
  });
}

/** What a subgraph's error may say, before it is put in its place in the client's operation. */
export function maskSubgraphError(error: GraphQLFormattedError, service: string, log: Logger): GraphQLFormattedError {
  const code = error.extensions?.["code"];
  const place = error.path && { path: error.path };
  if (!isPublicCode(code)) {
    const masked = mask(error, (faultId) =>
      log.error(
        { faultId, service, code, path: error.path?.join(".") },
        "A subgraph answered with an error that isn't public.",
      ),
    );
    return { ...masked, ...place };
  }
  return { message: shortened(error.message), ...place, extensions: passedOn(error.extensions!) };
}

const isPublicCode = (code: unknown): code is ErrorCode => typeof code === "string" && Object.hasOwn(errorCodes, code);

const passedOn = (extensions: Record<string, unknown>) =>
  Object.fromEntries(extensionsPassedOn.flatMap((key) => (key in extensions ? [[key, extensions[key]]] : [])));

const shortened = (message: string) =>
  message.length > messageLengthMax ? `${message.slice(0, messageLengthMax)}…` : message;

function original(thrown: unknown): unknown {
  return thrown instanceof GraphQLError && thrown.originalError ? thrown.originalError : thrown;
}
