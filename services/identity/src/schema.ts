import { buildSubgraphSchema } from "@atrium/schema-kit";
import { ApiKeyResolver } from "./api-key/graphql";
import type { Context } from "./context";
import { SessionResolver } from "./session/graphql";
import { UserResolver } from "./user/graphql";
import { ViewerResolver } from "./viewer/graphql";

export const schema = buildSubgraphSchema<Context>({
  resolvers: [ViewerResolver, UserResolver, SessionResolver, ApiKeyResolver],
  references: { User: ({ loaders }) => loaders.users },
});
