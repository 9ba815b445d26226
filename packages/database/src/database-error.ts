// What a statement's failure looks like differs by its way: pg's own error carries the SQLSTATE as its code, Prisma's
// has a code of its own and keeps the driver's error inside.
interface DatabaseFailure {
  code?: string;
  constraint?: string;
  meta?: { driverAdapterError?: { cause?: { originalCode?: string; constraint?: { index?: string } } } };
}

const causeOf = (error: unknown) => (error as DatabaseFailure | null)?.meta?.driverAdapterError?.cause;

const sqlStateOf = (error: unknown) => causeOf(error)?.originalCode ?? (error as DatabaseFailure | null)?.code;

/** The name of the unique constraint or index that refused a row; null when something else went wrong. */
export function uniqueViolation(error: unknown): string | null {
  if (sqlStateOf(error) !== "23505") return null;
  return causeOf(error)?.constraint?.index ?? (error as DatabaseFailure).constraint ?? "an unnamed constraint";
}

/** Whether the transaction lost against another, and may succeed when it is run again. */
export function isSerializationFailure(error: unknown): boolean {
  return ["40001", "40P01"].includes(sqlStateOf(error) ?? "");
}
