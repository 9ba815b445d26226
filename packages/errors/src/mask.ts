import { randomUUID } from "node:crypto";
import { PublicError, errorCodes, type ErrorCode } from "./public-error";

export interface MaskedError {
  message: string;
  extensions: { code: string; faultId?: string } & Record<string, unknown>;
}

/**
 * What a caller may see of something thrown. A `PublicError` passes as it is; anything else becomes
 * `INTERNAL_SERVER_ERROR` with a fault id, and `logFault` gets the original under the same id.
 */
export function mask(thrown: unknown, logFault: (faultId: string, fault: unknown) => void): MaskedError {
  if (isPublic(thrown)) return { message: thrown.message, extensions: { ...thrown.extensions } };
  const faultId = randomUUID();
  logFault(faultId, thrown);
  return {
    message: `Something went wrong on our side. The fault is logged as ${faultId}.`,
    extensions: { code: "INTERNAL_SERVER_ERROR", faultId },
  };
}

// By shape as well as by class: an error that crossed a process boundary has lost its class.
function isPublic(thrown: unknown): thrown is PublicError {
  if (thrown instanceof PublicError) return true;
  const error = thrown as { name?: unknown; extensions?: { code?: unknown } } | null;
  return error?.name === "PublicError" && (error.extensions?.code as ErrorCode) in errorCodes;
}
