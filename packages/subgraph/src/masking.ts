import { mask } from "@atrium/errors";
import { GraphQLError, Kind, type ExecutionResult } from "graphql";
import type { Logger } from "pino";

/** What a fault says in the log. Nothing but this of it: a database's errors carry the values of the row. */
export function describeFault(fault: unknown): Record<string, unknown> {
  if (!(fault instanceof Error)) return { type: typeof fault };
  const { name, message, stack, cause } = fault;
  const code = (fault as { code?: unknown }).code;
  return {
    type: name,
    message,
    stack,
    ...(typeof code === "string" && { code }),
    ...(cause !== undefined && { cause: describeFault(cause) }),
  };
}

/** The error as a caller may see it. A fault is logged under the id that the caller gets. */
export function maskError(thrown: unknown, log: Logger): GraphQLError {
  const error = thrown instanceof GraphQLError ? thrown : undefined;
  const { message, extensions } = mask(causeOf(thrown), (faultId, fault) =>
    log.error({ faultId, path: error?.path?.join("."), fault: describeFault(fault) }, "A fault was masked."),
  );
  return new GraphQLError(message, { extensions, path: error?.path, nodes: error?.nodes });
}

export function maskResult(result: ExecutionResult, log: Logger): ExecutionResult {
  if (!result.errors) return result;
  return { ...result, errors: result.errors.map((error) => maskError(error, log)) };
}

function causeOf(thrown: unknown): unknown {
  if (!(thrown instanceof GraphQLError)) return isOverflow(thrown) ? tooSlow : thrown;
  if (thrown.originalError) return causeOf(thrown.originalError);
  // graphql-js names a node where an argument has the wrong form, and none where a resolver's value has.
  const isArgument = thrown.nodes?.some(({ kind }) => kind === Kind.ARGUMENT || kind === Kind.VARIABLE);
  return isArgument ? { name: "PublicError", message: thrown.message, extensions: { code: "BAD_USER_INPUT" } } : thrown;
}

const isOverflow = (thrown: unknown) => thrown instanceof Error && thrown.name === "TopicOverflowError";
const tooSlow = {
  name: "PublicError",
  message: "Events came faster than they were read. Load what you show anew, and subscribe again.",
  extensions: { code: "SERVICE_UNAVAILABLE" },
};
