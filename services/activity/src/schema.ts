import { buildSubgraphSchema } from "@atrium/schema-kit";
import { ActivityResolver } from "./activity/graphql";
import type { RequestContext } from "./context";
import { DashboardResolver } from "./dashboard/graphql";
import { RecentDocumentResolver } from "./document/graphql";
import { InteractionResolver } from "./interaction/graphql";
import { MetricResolver } from "./metric/graphql";

export const schema = buildSubgraphSchema<RequestContext>({
  resolvers: [ActivityResolver, DashboardResolver, InteractionResolver, MetricResolver, RecentDocumentResolver],
});
