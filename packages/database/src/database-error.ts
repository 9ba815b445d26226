// What a statement's failure looks like differs by its way: pg's own error has a SQLSTATE, Prisma's has a code of its
// own and keeps the adapter's error inside.
interface DatabaseFailure {
  code?: string;
  constraint?: string;
  meta?: { driverAdapterError?: { cause?: { kind?: string; constraint?: { fields?: string[]; index?: string } } } };
}

/** Whether a unique constraint refused the row; to be told from others by what the caller was writing. */
export function uniqueViolation(error: unknown): boolean {
  const { code } = failure(error);
  return code === "23505" || code === "P2002";
}

/** Whether the transaction lost against another and may succeed when run again. */
export function isSerializationFailure(error: unknown): boolean {
  const { code = "" } = failure(error);
  return ["40001", "40P01", "P2034"].includes(code);
}

const failure = (error: unknown): DatabaseFailure => (typeof error === "object" && error !== null ? error : {});
