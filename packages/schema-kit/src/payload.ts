import type { Refusals, Result } from "@atrium/errors";
import type { ClassType } from "type-graphql";
import { Enum, Field, ObjectType } from "./decorators";

interface PayloadField {
  type: () => ClassType<object> | object | (ClassType<object> | object)[];
  description: string;
}
type PayloadFields = Readonly<Record<string, PayloadField>>;

export interface UserError<Code extends string> {
  code: Code;
  message: string;
  path: string[] | null;
}

type PayloadValues<Fields> = { [Name in keyof Fields]: unknown };

export interface PayloadClass<Fields extends PayloadFields, Code extends string> {
  new (): PayloadValues<Fields> & { userErrors: UserError<Code>[] };
  readonly fieldNames: readonly (keyof Fields & string)[];
  readonly refusals: Readonly<Record<Code, string>>;
}

/**
 * The class `<Mutation>Payload`, its error type and its enum of codes, from the mutation's name, what it returns and
 * how it may be refused. Fields are nullable: they are absent when the mutation was refused.
 * A mutation that can't be refused passes no refusals and has no `userErrors`.
 */
export function Payload<const Fields extends PayloadFields, const Table extends Refusals = Record<never, string>>(
  mutation: string,
  fields: Fields,
  refusals: Table = {} as Table,
): PayloadClass<Fields, keyof Table & string> {
  const name = mutation.charAt(0).toUpperCase() + mutation.slice(1);
  class MutationPayload {
    static readonly fieldNames = Object.keys(fields);
    static readonly refusals = refusals;
  }
  ObjectType(`${name}Payload`, { description: `What \`${mutation}\` returns.` })(MutationPayload);
  for (const [field, { type, description }] of Object.entries(fields))
    Field(type, { nullable: true, description })(MutationPayload.prototype, field);

  if (Object.keys(refusals).length > 0) {
    const code = Enum(`${name}ErrorCode`, `Why \`${mutation}\` may be refused.`, refusals);
    class MutationUserError {}
    ObjectType(`${name}UserError`, { description: `Why \`${mutation}\` was refused, and what about.` })(
      MutationUserError,
    );
    Field(() => code, { description: "For programs: which refusal it is." })(MutationUserError.prototype, "code");
    Field(() => String, { description: "For people: what is wrong." })(MutationUserError.prototype, "message");
    const path = "Where in `input` the cause lies, outermost first; null when it lies in no field.";
    Field(() => [String], { nullable: true, description: path })(MutationUserError.prototype, "path");
    const errors = "Why nothing was done; empty when the mutation was carried out.";
    Field(() => [MutationUserError], { description: errors })(MutationPayload.prototype, "userErrors");
  }
  return MutationPayload as unknown as PayloadClass<Fields, keyof Table & string>;
}

type IsUnion<T, All = T> = T extends unknown ? ([All] extends [T] ? false : true) : never;
/** With one field, the value is that field's; with several (or none), it is an object that holds them. */
type ValueFor<Fields> = IsUnion<keyof Fields> extends false ? unknown : PayloadValues<Fields>;

/**
 * A command's result in the form of its mutation's payload. That each of the command's refusals is declared in the
 * payload is checked by the compiler.
 */
export function toPayload<Fields extends PayloadFields, Code extends string>(
  payload: PayloadClass<Fields, Code>,
  result: Result<ValueFor<Fields>, Code>,
): PayloadValues<Fields> & { userErrors: UserError<Code>[] } {
  const values: Record<string, unknown> = {};
  let userErrors: UserError<Code>[] = [];
  if (!result.ok) {
    const { code, message = payload.refusals[code], path } = result;
    userErrors = [{ code, message, path: path ? [...path] : null }];
  } else if (payload.fieldNames.length === 1) {
    values[payload.fieldNames[0]!] = result.value;
  } else {
    for (const name of payload.fieldNames) values[name] = (result.value as Record<string, unknown>)[name];
  }
  return { ...values, userErrors } as PayloadValues<Fields> & { userErrors: UserError<Code>[] };
}
