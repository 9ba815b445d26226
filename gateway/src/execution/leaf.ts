import { isEnumType, isScalarType, type GraphQLLeafType } from "graphql";
import type { Completion } from "./completion";

/** Completes a value that is neither null nor undefined. Null, with what is wrong noted, where it doesn't fit. */
export type Complete = (value: unknown, completion: Completion) => unknown;

const int32 = 2 ** 31;

/**
 * The specification's result coercion for built-in scalars and enums, as strict as it allows: subgraphs have coerced
 * their values already. Custom scalars pass as they are, since only their subgraph knows them.
 */
export function leafOf(type: GraphQLLeafType): Complete {
  if (isEnumType(type)) {
    const names = new Set(type.getValues().map(({ name }) => name));
    return (value, completion) => (names.has(value as string) ? value : completion.invalid(type.name));
  }
  if (!isScalarType(type)) throw new Error("A leaf is a scalar or an enum.");
  switch (type.name) {
    case "String":
      return (value, completion) => (typeof value === "string" ? value : completion.invalid("String"));
    case "ID":
      return (value, completion) =>
        typeof value === "string" ? value : Number.isInteger(value) ? String(value) : completion.invalid("ID");
    case "Boolean":
      return (value, completion) => (typeof value === "boolean" ? value : completion.invalid("Boolean"));
    case "Int":
      return (value, completion) =>
        Number.isInteger(value) && (value as number) < int32 && (value as number) >= -int32
          ? value
          : completion.invalid("Int");
    case "Float":
      return (value, completion) => (Number.isFinite(value) ? value : completion.invalid("Float"));
    default:
      return (value) => value;
  }
}

/** The test that generated code makes in place of a call, where the value passes as it is. */
export const inlineTest: Readonly<Record<string, string>> = {
  String: `typeof v==="string"`,
  ID: `typeof v==="string"`,
  Boolean: `typeof v==="boolean"`,
  Int: `typeof v==="number"&&(v|0)===v`,
  Float: `typeof v==="number"`,
};
