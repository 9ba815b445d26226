export { PublicError, errorCodes, type ErrorCode } from "./public-error";
export { ok, refuse, type Refusal, type Refusals, type Result } from "./result";
export { mask, type MaskedError } from "./mask";
