/**
 * Every code that a top-level error may carry in `extensions.code`, and what it tells the caller.
 * Refusals that a person can act on aren't here: each mutation declares its own (see `Refusals`).
 */
export const errorCodes = {
  UNAUTHENTICATED: "No valid access token or API key came with the request, or its session has ended.",
  FORBIDDEN: "The caller is known, and may not do this.",
  NOT_FOUND: "No such object, or not one that this caller may know of.",
  CONFLICT: "The object changed meanwhile; load it again.",
  BAD_USER_INPUT: "A value has the wrong form; `extensions.field` names it.",
  RATE_LIMITED: "Too many requests; `extensions.retryAfterSeconds` says how long to wait.",
  QUOTA_EXCEEDED: "A limit of the plan is reached.",
  PAYLOAD_TOO_LARGE: "The request is bigger than is accepted.",
  OPERATION_TOO_COMPLEX: "The operation is too deep, too wide or too expensive.",
  SERVICE_UNAVAILABLE: "A part of the system doesn't answer; trying again later may help.",
  INTERNAL_SERVER_ERROR: "A fault of ours; `extensions.faultId` finds it in the logs.",
} as const;

export type ErrorCode = keyof typeof errorCodes;

interface PublicErrorOptions extends ErrorOptions {
  /** The input field at fault, as a dotted path from the root of the arguments: `input.email`. */
  field?: string;
  /** Whole seconds until the same call may succeed. */
  retryAfterSeconds?: number;
}

/**
 * An error whose message may be shown to the caller. Everything else that is thrown is masked.
 * `extensions` is what graphql-js copies into the response, so no domain file needs to import GraphQL.
 */
export class PublicError extends Error {
  override readonly name = "PublicError";
  readonly extensions: { code: ErrorCode; field?: string; retryAfterSeconds?: number };

  constructor(code: ErrorCode, message: string, { field, retryAfterSeconds, ...options }: PublicErrorOptions = {}) {
    super(message, options);
    this.extensions = {
      code,
      ...(field !== undefined && { field }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    };
  }
}
