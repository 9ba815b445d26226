import {
  Arg,
  Connection,
  Ctx,
  DateTime,
  Enum,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Payload,
  Resolver,
  Root,
  orderBy,
  requireId,
  toPayload,
} from "@atrium/schema-kit";
import { z } from "zod";
import type { RequestContext } from "../context";
import { User } from "../references";
import {
  addWorkspaceMember,
  changeMemberRole,
  changeWorkspaceRole,
  leaveOrganization,
  removeMember,
  removeWorkspaceMember,
  transferOrganizationOwnership,
} from "./commands";
import {
  AddWorkspaceMemberRefusal,
  ChangeMemberRoleRefusal,
  ChangeWorkspaceRoleRefusal,
  RemoveMemberRefusal,
  RemoveWorkspaceMemberRefusal,
  TransferOwnershipRefusal,
  type OrganizationMember as OrganizationMemberRow,
  type WorkspaceMember as WorkspaceMemberRow,
} from "./membership";

// GraphQL's names for the roles of `@atrium/access`; those are written in small letters in tokens and tables.
export const OrganizationRole = Enum("OrganizationRole", "What somebody may do in an organization.", {
  OWNER: "Everything, billing and deletion included.",
  ADMIN: "Everything but billing, ownership and deletion.",
  MEMBER: "Nothing by itself; roles in workspaces say the rest.",
  GUEST: "As a member, and doesn't see who else belongs to the organization.",
});
export type OrganizationRole = keyof typeof OrganizationRole;

export const WorkspaceRole = Enum("WorkspaceRole", "What somebody may do in a workspace.", {
  ADMIN: "Everything in the workspace, its members included.",
  EDITOR: "Makes and changes knowledge, chatbots, flows, leads and projects.",
  VIEWER: "Reads, and talks to the chatbots.",
  APPROVER: "Decides approvals.",
  REQUESTER: "Submits purchase requests.",
  PROJECT_MANAGER: "Runs projects: daily logs, forms, photos, risks.",
  FOREMAN: "Writes daily logs, submits forms, uploads photos.",
  APPRENTICE: "Reads projects, daily logs and forms.",
});
export type WorkspaceRole = keyof typeof WorkspaceRole;

@ObjectType("OrganizationMember", { description: "A person's place in an organization." })
export class OrganizationMember {
  @Field(() => ID, { description: "Opaque; begins with mem_." })
  id!: string;

  @Field(() => DateTime, { description: "Since when." })
  createdAt!: Date;
}

@ObjectType("WorkspaceMember", { description: "A person's place in a workspace." })
export class WorkspaceMember {
  @Field(() => ID, { description: "Opaque; begins with wmem_." })
  id!: string;

  @Field(() => DateTime, { description: "Since when." })
  createdAt!: Date;
}

export const OrganizationMemberConnection = Connection("OrganizationMember", () => OrganizationMember);
export const membersInOrder = orderBy("members", z.string(), ({ id }: OrganizationMemberRow) => id);
export const WorkspaceMemberConnection = Connection("WorkspaceMember", () => WorkspaceMember);
export const placesInOrder = orderBy("workspaceMembers", z.string(), ({ id }: WorkspaceMemberRow) => id);

@InputType("ChangeMemberRoleInput", { description: "Another role for a member of the caller's organization." })
class ChangeMemberRoleInput {
  @Field(() => ID, { description: "Which membership (mem_…)." })
  memberId!: string;

  @Field(() => OrganizationRole, { description: "The new role." })
  role!: OrganizationRole;
}

@InputType("RemoveMemberInput", { description: "A membership to end." })
class RemoveMemberInput {
  @Field(() => ID, { description: "Which membership (mem_…)." })
  memberId!: string;
}

@InputType("TransferOrganizationOwnershipInput", { description: "Who owns the caller's organization from now on." })
class TransferOrganizationOwnershipInput {
  @Field(() => ID, { description: "The membership (mem_…) of the new owner." })
  memberId!: string;
}

@InputType("AddWorkspaceMemberInput", { description: "A place in a workspace for a member of the organization." })
class AddWorkspaceMemberInput {
  @Field(() => ID, { description: "Which workspace." })
  workspaceId!: string;

  @Field(() => ID, { description: "Who gets the place; a member of the organization." })
  userId!: string;

  @Field(() => WorkspaceRole, { description: "What they may do there." })
  role!: WorkspaceRole;
}

@InputType("ChangeWorkspaceRoleInput", { description: "Another role for somebody in a workspace." })
class ChangeWorkspaceRoleInput {
  @Field(() => ID, { description: "Whose place (wmem_…)." })
  memberId!: string;

  @Field(() => WorkspaceRole, { description: "The new role." })
  role!: WorkspaceRole;
}

@InputType("RemoveWorkspaceMemberInput", { description: "A place in a workspace to take away." })
class RemoveWorkspaceMemberInput {
  @Field(() => ID, { description: "Whose place (wmem_…)." })
  memberId!: string;
}

const member = { type: () => OrganizationMember, description: "The membership as it now is." };
const ended = { type: () => OrganizationMember, description: "The membership that ended." };
const place = { type: () => WorkspaceMember, description: "The place as it now is." };

const ChangeMemberRolePayload = Payload("changeMemberRole", { member }, ChangeMemberRoleRefusal);
const RemoveMemberPayload = Payload("removeMember", { member: ended }, RemoveMemberRefusal);
const LeaveOrganizationPayload = Payload("leaveOrganization", { member: ended }, RemoveMemberRefusal);
const TransferOrganizationOwnershipPayload = Payload(
  "transferOrganizationOwnership",
  { member: { type: () => OrganizationMember, description: "The new owner's membership." } },
  TransferOwnershipRefusal,
);
const AddWorkspaceMemberPayload = Payload("addWorkspaceMember", { workspaceMember: place }, AddWorkspaceMemberRefusal);
const ChangeWorkspaceRolePayload = Payload(
  "changeWorkspaceRole",
  { workspaceMember: place },
  ChangeWorkspaceRoleRefusal,
);
const RemoveWorkspaceMemberPayload = Payload(
  "removeWorkspaceMember",
  { workspaceMember: { type: () => WorkspaceMember, description: "The place that was taken away." } },
  RemoveWorkspaceMemberRefusal,
);

@Resolver(() => OrganizationMember)
export class OrganizationMemberResolver {
  @FieldResolver(() => OrganizationRole, { description: "What they may do in the organization." })
  role(@Root() { role }: OrganizationMemberRow) {
    return role.toUpperCase();
  }

  @FieldResolver(() => User, { nullable: true, description: "Who." })
  user(@Root() { userId }: OrganizationMemberRow) {
    return { id: userId };
  }

  @Mutation(() => ChangeMemberRolePayload, { description: "Gives a member of the caller's organization another role." })
  async changeMemberRole(
    @Arg("input", () => ChangeMemberRoleInput) input: ChangeMemberRoleInput,
    @Ctx() ctx: RequestContext,
  ) {
    const memberId = requireId("mem", input.memberId, "input.memberId");
    return toPayload(
      ChangeMemberRolePayload,
      await changeMemberRole(ctx, { memberId, role: input.role.toLowerCase() }),
    );
  }

  @Mutation(() => RemoveMemberPayload, {
    description: "Ends somebody's membership of the caller's organization, and their places in its workspaces.",
  })
  async removeMember(@Arg("input", () => RemoveMemberInput) input: RemoveMemberInput, @Ctx() ctx: RequestContext) {
    const memberId = requireId("mem", input.memberId, "input.memberId");
    return toPayload(RemoveMemberPayload, await removeMember(ctx, { memberId }));
  }

  @Mutation(() => LeaveOrganizationPayload, { description: "Ends the caller's own membership of their organization." })
  async leaveOrganization(@Ctx() ctx: RequestContext) {
    return toPayload(LeaveOrganizationPayload, await leaveOrganization(ctx));
  }

  @Mutation(() => TransferOrganizationOwnershipPayload, {
    description: "Hands the caller's organization over to another member; the caller becomes an administrator.",
  })
  async transferOrganizationOwnership(
    @Arg("input", () => TransferOrganizationOwnershipInput) input: TransferOrganizationOwnershipInput,
    @Ctx() ctx: RequestContext,
  ) {
    const memberId = requireId("mem", input.memberId, "input.memberId");
    return toPayload(TransferOrganizationOwnershipPayload, await transferOrganizationOwnership(ctx, { memberId }));
  }
}

@Resolver(() => WorkspaceMember)
export class WorkspaceMemberResolver {
  @FieldResolver(() => WorkspaceRole, { description: "What they may do in the workspace." })
  role(@Root() { role }: WorkspaceMemberRow) {
    return role.toUpperCase();
  }

  @FieldResolver(() => User, { nullable: true, description: "Who." })
  user(@Root() { userId }: WorkspaceMemberRow) {
    return { id: userId };
  }

  @Mutation(() => AddWorkspaceMemberPayload, {
    description: "Gives a member of the organization a place in one of its workspaces.",
  })
  async addWorkspaceMember(
    @Arg("input", () => AddWorkspaceMemberInput) input: AddWorkspaceMemberInput,
    @Ctx() ctx: RequestContext,
  ) {
    const added = await addWorkspaceMember(ctx, {
      workspaceId: requireId("wsp", input.workspaceId, "input.workspaceId"),
      userId: requireId("usr", input.userId, "input.userId"),
      role: input.role.toLowerCase(),
    });
    return toPayload(AddWorkspaceMemberPayload, added);
  }

  @Mutation(() => ChangeWorkspaceRolePayload, { description: "Gives somebody in a workspace another role there." })
  async changeWorkspaceRole(
    @Arg("input", () => ChangeWorkspaceRoleInput) input: ChangeWorkspaceRoleInput,
    @Ctx() ctx: RequestContext,
  ) {
    const memberId = requireId("wmem", input.memberId, "input.memberId");
    return toPayload(
      ChangeWorkspaceRolePayload,
      await changeWorkspaceRole(ctx, { memberId, role: input.role.toLowerCase() }),
    );
  }

  @Mutation(() => RemoveWorkspaceMemberPayload, {
    description: "Takes somebody's place in a workspace; they stay in the organization.",
  })
  async removeWorkspaceMember(
    @Arg("input", () => RemoveWorkspaceMemberInput) input: RemoveWorkspaceMemberInput,
    @Ctx() ctx: RequestContext,
  ) {
    const memberId = requireId("wmem", input.memberId, "input.memberId");
    return toPayload(RemoveWorkspaceMemberPayload, await removeWorkspaceMember(ctx, { memberId }));
  }
}
