/** The refusals of one act: code to message. One constant feeds the type, the message and the GraphQL enum. */
export type Refusals = Readonly<Record<string, string>>;

export interface Refusal<Code extends string> {
  readonly ok: false;
  readonly code: Code;
  /** Says more than the code's standing message: which limit, by how much. */
  readonly message?: string;
  /** Where in the mutation's `input` the cause lies, outermost first. */
  readonly path?: readonly string[];
}

/** What a decision or a command returns: the value, or why it was refused. Nothing was written then. */
export type Result<Value, Code extends string> = { readonly ok: true; readonly value: Value } | Refusal<Code>;

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function refuse<Code extends string>(
  code: Code,
  details: { message?: string; path?: readonly string[] } = {},
): Refusal<Code> {
  return { ok: false, code, ...details };
}
