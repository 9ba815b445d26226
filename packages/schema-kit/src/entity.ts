import type { ClassType } from "type-graphql";
import { Directive, Extensions, Field, ID, ObjectType } from "./decorators";

/**
 * The stub of an entity that another service owns: a reference, `{ id }`, that the gateway resolves there.
 * With `contributes`, this service adds fields about its own data (`User.purchaseRequests`, in a resolver of the
 * stub), so the gateway may also come here with a reference; those fields' resolvers ask the policy.
 */
export function EntityStub(name: string, { contributes = false } = {}): ClassType<{ id: string }> {
  class Stub {
    id!: string;
  }
  // No descriptions: in the supergraph, the owner's are to be read.
  ObjectType(name, { description: "" })(Stub);
  Field(() => ID, { description: "" })(Stub.prototype, "id");
  Directive(contributes ? `@key(fields: "id")` : `@key(fields: "id", resolvable: false)`)(Stub);
  Extensions({ [stubExtension]: true })(Stub);
  return Stub;
}

/** Marks the types of a schema that another service owns and describes. */
export const stubExtension = "atriumStub";

/** `rows` in the order of `ids`, null where none has the id: what a DataLoader's batch function returns. */
export function inOrderOf<Row>(
  ids: readonly string[],
  rows: readonly Row[],
  idOf: (row: Row) => string = (row) => (row as { id: string }).id,
): (Row | null)[] {
  const byId = new Map(rows.map((row) => [idOf(row), row]));
  return ids.map((id) => byId.get(id) ?? null);
}

/** `rows` grouped in the order of `ids`, an empty list where none belongs: for loaders of children. */
export function groupedInOrderOf<Row>(
  ids: readonly string[],
  rows: readonly Row[],
  idOf: (row: Row) => string,
): Row[][] {
  const byId = new Map<string, Row[]>(ids.map((id) => [id, []]));
  for (const row of rows) byId.get(idOf(row))?.push(row);
  return ids.map((id) => byId.get(id) ?? []);
}
