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
  badInput,
  orderBy,
  requireId,
  requireText,
  toPayload,
} from "@atrium/schema-kit";
import { z } from "zod";
import type { RequestContext } from "../context";
import { OrganizationMember, OrganizationRole, WorkspaceRole } from "../membership/graphql";
import { User } from "../references";
import { acceptInvitation, declineInvitation, inviteMember, resendInvitation, revokeInvitation } from "./commands";
import {
  AcceptInvitationRefusal,
  DeclineInvitationRefusal,
  InviteMemberRefusal,
  ResendInvitationRefusal,
  RevokeInvitationRefusal,
  type Invitation as InvitationRow,
} from "./invitation";

const InvitationStatus = Enum("InvitationStatus", "Where an invitation stands.", {
  PENDING: "It waits for an answer.",
  ACCEPTED: "It was accepted.",
  DECLINED: "It was turned down.",
  REVOKED: "It was taken back.",
  EXPIRED: "It was not answered in time; resend it.",
});

@ObjectType("Invitation", { description: "A place in an organization that somebody is asked to take." })
export class Invitation {
  @Field(() => ID, { description: "Opaque; begins with inv_." })
  id!: string;

  @Field(() => String, { nullable: true, description: "The address it is for; null when a user was invited." })
  email!: string | null;

  @Field(() => DateTime, { description: "When it was made." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "Until when it can be accepted." })
  expiresAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When it was accepted, declined or revoked." })
  decidedAt!: Date | null;
}

export const InvitationConnection = Connection("Invitation", () => Invitation);
export const invitationsInOrder = orderBy("invitations", z.string(), ({ id }: InvitationRow) => id);

@InputType("WorkspaceRoleInput", { description: "A place in a workspace." })
class WorkspaceRoleInput {
  @Field(() => ID, { description: "Which workspace." })
  workspaceId!: string;

  @Field(() => WorkspaceRole, { description: "The role there." })
  role!: WorkspaceRole;
}

@InputType("InviteMemberInput", { description: "Who is invited, and to what. Give an e-mail address or a user." })
class InviteMemberInput {
  @Field(() => String, { nullable: true, description: "The address of the person to invite." })
  email?: string | null;

  @Field(() => ID, { nullable: true, description: "The user to invite." })
  userId?: string | null;

  @Field(() => OrganizationRole, { description: "Their role in the organization." })
  organizationRole!: OrganizationRole;

  @Field(() => [WorkspaceRoleInput], { defaultValue: [], description: "Their places in workspaces, 50 at the most." })
  workspaceRoles!: WorkspaceRoleInput[];
}

@InputType("ResendInvitationInput", { description: "An invitation to send again." })
class ResendInvitationInput {
  @Field(() => ID, { description: "Which invitation." })
  invitationId!: string;
}

@InputType("RevokeInvitationInput", { description: "An invitation to take back." })
class RevokeInvitationInput {
  @Field(() => ID, { description: "Which invitation." })
  invitationId!: string;
}

@InputType("AcceptInvitationInput", { description: "The invitation to accept." })
class AcceptInvitationInput {
  @Field(() => String, { description: "The token that came with the invitation." })
  token!: string;
}

@InputType("DeclineInvitationInput", { description: "The invitation to turn down." })
class DeclineInvitationInput {
  @Field(() => String, { description: "The token that came with the invitation." })
  token!: string;
}

const sent = {
  invitation: { type: () => Invitation, description: "The invitation." },
  token: {
    type: () => String,
    description: "What the invited person accepts with; shown this once. Pass it on to them alone.",
  },
};
const decided = { invitation: { type: () => Invitation, description: "The invitation as it now is." } };

const InviteMemberPayload = Payload("inviteMember", sent, InviteMemberRefusal);
const ResendInvitationPayload = Payload("resendInvitation", sent, ResendInvitationRefusal);
const RevokeInvitationPayload = Payload("revokeInvitation", decided, RevokeInvitationRefusal);
const AcceptInvitationPayload = Payload(
  "acceptInvitation",
  { member: { type: () => OrganizationMember, description: "The caller's new place; enter it with switchContext." } },
  AcceptInvitationRefusal,
);
const DeclineInvitationPayload = Payload("declineInvitation", decided, DeclineInvitationRefusal);

const emailForm = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

@Resolver(() => Invitation)
export class InvitationResolver {
  @FieldResolver(() => InvitationStatus, { description: "Where it stands." })
  status(@Root() { status, expiresAt }: InvitationRow, @Ctx() { now }: RequestContext) {
    return status === "PENDING" && expiresAt <= now() ? InvitationStatus.EXPIRED : status;
  }

  @FieldResolver(() => OrganizationRole, { description: "The role it offers." })
  organizationRole(@Root() { organizationRole }: InvitationRow) {
    return organizationRole.toUpperCase();
  }

  @FieldResolver(() => User, { nullable: true, description: "The user it is for; null when an address was invited." })
  user(@Root() { userId }: InvitationRow) {
    return userId && { id: userId };
  }

  @FieldResolver(() => User, { nullable: true, description: "Who invited them." })
  invitedBy(@Root() { invitedById }: InvitationRow) {
    return { id: invitedById };
  }

  @Mutation(() => InviteMemberPayload, {
    description: "Invites somebody into the caller's organization. The invitation holds for seven days and once.",
  })
  async inviteMember(@Arg("input", () => InviteMemberInput) input: InviteMemberInput, @Ctx() ctx: RequestContext) {
    if ((input.email == null) === (input.userId == null))
      throw badInput("input.email", "Give an e-mail address or a user id, and not both.");
    if (input.workspaceRoles.length > 50)
      throw badInput("input.workspaceRoles", "input.workspaceRoles takes at most 50 places.");
    const workspaceRoles = input.workspaceRoles.map(({ workspaceId, role }, place) => ({
      workspaceId: requireId("wsp", workspaceId, `input.workspaceRoles.${place}.workspaceId`),
      role: role.toLowerCase(),
    }));
    if (new Set(workspaceRoles.map(({ workspaceId }) => workspaceId)).size < workspaceRoles.length)
      throw badInput("input.workspaceRoles", "input.workspaceRoles names a workspace twice.");
    const invited = await inviteMember(ctx, {
      email: input.email == null ? null : requireEmail(input.email),
      userId: input.userId == null ? null : requireId("usr", input.userId, "input.userId"),
      organizationRole: input.organizationRole.toLowerCase(),
      workspaceRoles,
    });
    return toPayload(InviteMemberPayload, invited);
  }

  @Mutation(() => ResendInvitationPayload, {
    description: "Gives an open invitation a new token and seven days more; its old token stops working.",
  })
  async resendInvitation(
    @Arg("input", () => ResendInvitationInput) input: ResendInvitationInput,
    @Ctx() ctx: RequestContext,
  ) {
    const invitationId = requireId("inv", input.invitationId, "input.invitationId");
    return toPayload(ResendInvitationPayload, await resendInvitation(ctx, { invitationId }));
  }

  @Mutation(() => RevokeInvitationPayload, { description: "Takes an open invitation back." })
  async revokeInvitation(
    @Arg("input", () => RevokeInvitationInput) input: RevokeInvitationInput,
    @Ctx() ctx: RequestContext,
  ) {
    const invitationId = requireId("inv", input.invitationId, "input.invitationId");
    return toPayload(RevokeInvitationPayload, await revokeInvitation(ctx, { invitationId }));
  }

  @Mutation(() => AcceptInvitationPayload, { description: "Takes the place that an invitation offers." })
  async acceptInvitation(
    @Arg("input", () => AcceptInvitationInput) input: AcceptInvitationInput,
    @Ctx() ctx: RequestContext,
  ) {
    const token = requireText(input.token, "input.token", { lengthMax: 200 });
    return toPayload(AcceptInvitationPayload, await acceptInvitation(ctx, { token }));
  }

  @Mutation(() => DeclineInvitationPayload, { description: "Turns down the place that an invitation offers." })
  async declineInvitation(
    @Arg("input", () => DeclineInvitationInput) input: DeclineInvitationInput,
    @Ctx() ctx: RequestContext,
  ) {
    const token = requireText(input.token, "input.token", { lengthMax: 200 });
    return toPayload(DeclineInvitationPayload, await declineInvitation(ctx, { token }));
  }
}

function requireEmail(given: string): string {
  const email = requireText(given, "input.email", { lengthMax: 254 });
  if (!emailForm.test(email)) throw badInput("input.email", "input.email is not an e-mail address.");
  return email.toLowerCase();
}
