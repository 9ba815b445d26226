import { buildSubgraphSchema } from "@atrium/schema-kit";
import type { RequestContext } from "./context";
import { InvitationResolver } from "./invitation/graphql";
import { OrganizationMemberResolver, WorkspaceMemberResolver } from "./membership/graphql";
import { OrganizationResolver } from "./organization/graphql";
import { ProjectResolver } from "./project/graphql";
import { RoleResolver } from "./role/graphql";
import { WorkspaceResolver } from "./workspace/graphql";

export const schema = buildSubgraphSchema<RequestContext>({
  resolvers: [
    InvitationResolver,
    OrganizationMemberResolver,
    OrganizationResolver,
    ProjectResolver,
    RoleResolver,
    WorkspaceMemberResolver,
    WorkspaceResolver,
  ],
  references: {
    Organization: ({ loaders }) => loaders.organization,
    Project: ({ loaders }) => loaders.project,
    Workspace: ({ loaders }) => loaders.workspace,
  },
});
