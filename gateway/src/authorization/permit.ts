import { GraphQLError, visit, type DocumentNode, type FieldNode, type GraphQLSchema } from "graphql";
import type { ClientRequest } from "../client-request";
import { RequestRefused } from "../endpoint";
import type { Operation } from "../graph/operation";
import { denial } from "./denial";
import { deniedPaths, needsOf, type Needs } from "./needs";
import { createReadable } from "./readable";
import { readRequirements, unmetOf } from "./requirements";
import { without } from "./without";

export interface AuthorizationOptions {
  /** The API's schema, which clients select from. */
  schema: GraphQLSchema;
  supergraphSchema: GraphQLSchema;
  /** Whether an operation that asks for anything that its caller may not see isn't run at all. */
  refuseWhole?: boolean;
  /** What clients are told where an operation isn't run. */
  describeDenial?: typeof denial;
  /** Whether `__schema` and `__type` tell callers only of what they may use. */
  filtersIntrospection?: boolean;
}

export type Permit = (operation: Operation, request: ClientRequest) => Promise<Operation> | Operation;

// A caller's rights have few combinations; each leaves of an operation what is compiled anew.
const variantsMax = 64;
const pathsToldMax = 10;

/**
 * Removes from an operation what its caller may not see, before it is planned: no subgraph is asked for it, not even on
 * the way to something else. What was removed is answered with null and an error at each of its places.
 */
export function createPermit(o: AuthorizationOptions): Permit {
  const requirements = readRequirements(o.supergraphSchema);
  if (requirements.all.length === 0) return (operation) => operation;
  const readable = createReadable(o.schema, requirements);
  const known = new WeakMap<Operation, { needs: Needs; reads: boolean; permitted: Map<string, Operation> }>();

  return async (operation, request) => {
    let own = known.get(operation);
    if (!own) {
      const needs = needsOf(operation, o.schema, requirements);
      const reads = o.filtersIntrospection === true && readsSchema(operation.document);
      known.set(operation, (own = { needs, reads, permitted: new Map() }));
    }
    const asked = own.reads ? requirements.all : own.needs.all;
    if (asked.length === 0) return operation;
    const unmet = await unmetOf(request.claims, asked);
    if (unmet.size === 0) return operation;
    const key = [...unmet].sort().join(" ");
    let permitted = own.permitted.get(key);
    if (!permitted) {
      permitted = without(operation, own.needs, { schema: o.schema, requirements, unmet, key });
      if (own.reads)
        permitted = { ...permitted, key: `${operation.key} read without ${key}`, readable: readable(unmet) };
      if (own.permitted.size >= variantsMax) own.permitted.delete(own.permitted.keys().next().value!);
      own.permitted.set(key, permitted);
    }
    const denied = permitted.answered?.denied;
    if (denied && (o.refuseWhole || (operation.type === "subscription" && rootIsDenied(permitted))))
      throw new RequestRefused(refusals(permitted, request, o.describeDenial ?? denial));
    return permitted;
  };
}

/** One error for each place in the operation that its caller may not see, as far as somebody reads on. */
function refusals(operation: Operation, request: ClientRequest, describe: typeof denial): GraphQLError[] {
  const { message, extensions } = describe(request);
  const status = request.claims.isAuthenticated ? 403 : 401;
  return deniedPaths(operation)
    .slice(0, pathsToldMax)
    .map((path) => new GraphQLError(message, { path, extensions: { ...extensions, http: { status } } }));
}

/** Without its root field a subscription has no events, in whatever fragment it stands. */
const rootIsDenied = (operation: Operation): boolean => deniedPaths(operation).some((path) => path.length === 1);

function readsSchema(document: DocumentNode): boolean {
  let reads = false;
  visit(document, {
    Field({ name }: FieldNode) {
      if (name.value === "__schema" || name.value === "__type") reads = true;
    },
  });
  return reads;
}
