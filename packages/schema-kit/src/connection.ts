import { createHash } from "node:crypto";
import type { ClassType } from "type-graphql";
import type { z } from "zod";
import { ArgsType, Directive, Field, Int, listSizeOf, ObjectType } from "./decorators";
import { badInput } from "./input";

export const pageSizeDefault = 20;
export const pageSizeMax = 100;
const free = "@cost(weight: 0)";

@ObjectType("PageInfo", { description: "Where a page stands in its list." })
@Directive("@shareable")
@Directive(free)
export class PageInfo {
  @Field(() => Boolean, { description: "Whether more follows after `endCursor`." })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: "Whether something came before `startCursor`." })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: "The cursor of the page's first edge; null for an empty page." })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: "The cursor of the page's last edge; null for an empty page." })
  endCursor!: string | null;
}

/** The arguments of every connection: `@Args(() => PageArguments) page: PageArguments`. */
@ArgsType()
export class PageArguments {
  @Field(() => Int, { defaultValue: pageSizeDefault, description: `How many to return, ${pageSizeMax} at the most.` })
  first!: number;

  @Field(() => String, { nullable: true, description: "The cursor after which the page begins." })
  after?: string | null;
}

export interface Edge<Node> {
  node: Node;
  cursor: string;
}

export interface Page<Node> {
  edges: Edge<Node>[];
  nodes: Node[];
  pageInfo: PageInfo;
}

const connectionNames = new Set<string>();
const sizedFields = ["edges", "nodes"];

/** What a field of this type that has `first` declares of its size; undefined where the type is no connection. */
export const connectionSize = (type: string): string | undefined =>
  connectionNames.has(type) ? listSizeOf(sizedFields) : undefined;

/**
 * The classes `<Name>Connection` and `<Name>Edge`. Made once per node type, beside it. Whatever a page costs, its nodes
 * do: what stands around them costs nothing, whichever way they are asked for.
 */
export function Connection<Node>(
  name: string,
  node: () => ClassType<object> & { prototype: Node },
): ClassType<Page<Node>> {
  class NodeEdge {}
  Directive(free)(NodeEdge);
  ObjectType(`${name}Edge`, { description: `A ${name} in its place in a list.` })(NodeEdge);
  Field(node, { description: "What stands here." })(NodeEdge.prototype, "node");
  Field(() => String, { description: "Marks this place: pass it as `after` to go on from here." })(
    NodeEdge.prototype,
    "cursor",
  );

  class NodeConnection {}
  Directive(free)(NodeConnection);
  connectionNames.add(`${name}Connection`);
  ObjectType(`${name}Connection`, { description: `A page of a list of ${name}.` })(NodeConnection);
  Field(() => [NodeEdge], { description: "The page, with a cursor for each." })(NodeConnection.prototype, "edges");
  Field(() => [node()], { description: "The page, where cursors aren't needed." })(NodeConnection.prototype, "nodes");
  Field(() => PageInfo, { description: "Where the page stands in the list." })(NodeConnection.prototype, "pageInfo");
  return NodeConnection as ClassType<Page<Node>>;
}

/** An order in which a list is read page by page: what of a row its cursor holds, and in which form. */
export interface Order<Row, Key> {
  readonly name: string;
  readonly key: z.ZodType<Key>;
  keyOf(row: Row): Key;
}

/**
 * Declares an order. The key must be unique per row and be what the query sorts by, so that nothing is skipped or
 * repeated; `[id]` alone is the usual choice, since ids sort by the time they were made. The name keeps a cursor of
 * one list from being used in another.
 */
export const orderBy = <Row, Key>(name: string, key: z.ZodType<Key>, keyOf: (row: Row) => Key): Order<Row, Key> => ({
  name,
  key,
  keyOf,
});

/**
 * One page of a list. `load` returns up to `limit` rows after `after`, in the order; `limit` is one more than the page
 * holds, which tells whether more follows. A cursor that isn't one of this order's is `BAD_USER_INPUT`.
 */
export async function paginate<Row, Key>(
  { first, after }: PageArguments,
  order: Order<Row, Key>,
  load: (keyset: { limit: number; after: Key | null }) => Promise<readonly Row[]>,
): Promise<Page<Row>> {
  if (!Number.isInteger(first) || first < 1 || first > pageSizeMax)
    throw badInput("first", `first must be from 1 to ${pageSizeMax}.`);
  const from = after === null || after === undefined ? null : readCursor(order, after);
  const rows = await load({ limit: first + 1, after: from });
  const nodes = rows.slice(0, first);
  const edges = nodes.map((node) => ({ node, cursor: writeCursor(order, node) }));
  return {
    edges,
    nodes,
    pageInfo: {
      hasNextPage: rows.length > first,
      hasPreviousPage: from !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

const checksumBytes = 6;
const checksum = (name: string, key: Buffer) =>
  createHash("sha256").update(name).update("\0").update(key).digest().subarray(0, checksumBytes);

function writeCursor<Row, Key>(order: Order<Row, Key>, row: Row): string {
  const key = Buffer.from(JSON.stringify(order.keyOf(row)));
  return Buffer.concat([checksum(order.name, key), key]).toString("base64url");
}

// The checksum catches a cursor that was cut, changed or taken from another list. Somebody who forges one gains
// nothing: it only says where in the caller's own list to begin, and the key's form is checked as well.
function readCursor<Row, Key>(order: Order<Row, Key>, cursor: string): Key {
  const bytes = Buffer.from(cursor, "base64url");
  const key = bytes.subarray(checksumBytes);
  if (cursor.length <= 2_000 && checksum(order.name, key).equals(bytes.subarray(0, checksumBytes))) {
    const parsed = order.key.safeParse(parseJson(key.toString()));
    if (parsed.success) return parsed.data;
  }
  throw badInput("after", "after is not a cursor of this list.");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
