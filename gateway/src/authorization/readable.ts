import { isObjectType, type GraphQLSchema } from "graphql";
import { LRUCache } from "lru-cache";
import { visibleSchema } from "../graph/visible-schema";
import type { Requirements } from "./requirements";

// A schema takes megabytes, and few sets of rights are usual.
const schemasMax = 16;

/** What callers may read of the schema: what they may use, by the requirements that they don't meet. */
export function createReadable(schema: GraphQLSchema, requirements: Requirements) {
  const schemas = new LRUCache<string, GraphQLSchema>({ max: schemasMax });
  return (unmet: ReadonlySet<string>): GraphQLSchema => {
    const key = [...unmet].sort().join(" ");
    const known = schemas.get(key);
    if (known) return known;
    const hidden = new Set<string>();
    const isUnmet = (own: { key: string }) => unmet.has(own.key);
    for (const type of Object.values(schema.getTypeMap())) {
      if (requirements.ofType(type.name).some(isUnmet)) hidden.add(type.name);
      if (!isObjectType(type)) continue;
      for (const field of Object.keys(type.getFields()))
        if (requirements.ofField(type.name, field).some(isUnmet)) hidden.add(`${type.name}.${field}`);
    }
    const readable = visibleSchema(schema, hidden);
    schemas.set(key, readable);
    return readable;
  };
}
