import { organizationRoles, permissionsOf, requireSignedIn, workspaceRoles } from "@atrium/access";
import { Ctx, Enum, Field, ObjectType, Query, Resolver } from "@atrium/schema-kit";
import type { RequestContext } from "../context";

const RoleLevel = Enum("RoleLevel", "Where a role is held.", {
  ORGANIZATION: "In an organization.",
  WORKSPACE: "In a workspace.",
});

@ObjectType("Role", {
  description: "A named set of permissions. A person's rights in a workspace are the union of both.",
})
class Role {
  @Field(() => String, { description: "The role's name, as the role enums have it." })
  name!: string;

  @Field(() => RoleLevel, { description: "Where it is held." })
  level!: keyof typeof RoleLevel;

  @Field(() => [String], { description: "What it allows, as `resource:action`." })
  permissions!: string[];
}

const rolesOf = (table: Record<string, readonly string[]>, level: keyof typeof RoleLevel): Role[] =>
  Object.entries(table).map(([name, patterns]) => ({
    name: name.toUpperCase(),
    level,
    permissions: permissionsOf(patterns),
  }));

const builtIn = [...rolesOf(organizationRoles, "ORGANIZATION"), ...rolesOf(workspaceRoles, "WORKSPACE")];

@Resolver(() => Role)
export class RoleResolver {
  @Query(() => [Role], { description: "The roles that people can be given." })
  roles(@Ctx() { actor }: RequestContext): Role[] {
    requireSignedIn(actor);
    return builtIn;
  }
}
