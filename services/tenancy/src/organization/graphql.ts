import {
  Arg,
  Args,
  Connection,
  Ctx,
  DateTime,
  Directive,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  PageArguments,
  Payload,
  Query,
  Resolver,
  Root,
  orderBy,
  paginate,
  requireId,
  requireText,
  toPayload,
} from "@atrium/schema-kit";
import { ok } from "@atrium/errors";
import { z } from "zod";
import type { RequestContext } from "../context";
import { InvitationConnection, invitationsInOrder } from "../invitation/graphql";
import { invitations } from "../invitation/queries";
import { OrganizationMemberConnection, membersInOrder } from "../membership/graphql";
import { members } from "../membership/queries";
import { WorkspaceConnection, workspacesInOrder } from "../workspace/graphql";
import { workspacesOf } from "../workspace/queries";
import { createOrganization, updateOrganization } from "./commands";
import type { Organization as OrganizationRow } from "./organization";
import { organization, organizations } from "./queries";

@ObjectType("Organization", { description: "A company, or whoever shares one account: the root of all a tenant owns." })
@Directive('@key(fields: "id")')
export class Organization {
  @Field(() => ID, { description: "Opaque; begins with org_." })
  id!: string;

  @Field(() => String, { description: "What it is called." })
  name!: string;

  @Field(() => DateTime, { description: "When it was founded." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it was last renamed." })
  updatedAt!: Date;
}

const OrganizationConnection = Connection("Organization", () => Organization);
const oldestFirst = orderBy("organizations", z.string(), ({ id }: OrganizationRow) => id);

@InputType("CreateOrganizationInput", { description: "An organization to found." })
class CreateOrganizationInput {
  @Field(() => String, { description: "What it is called, up to 200 characters." })
  name!: string;
}

@InputType("UpdateOrganizationInput", { description: "What to change of the caller's organization." })
class UpdateOrganizationInput {
  @Field(() => String, { description: "Its new name, up to 200 characters." })
  name!: string;
}

const CreateOrganizationPayload = Payload("createOrganization", {
  organization: { type: () => Organization, description: "The new organization; enter it with switchContext." },
});
const UpdateOrganizationPayload = Payload("updateOrganization", {
  organization: { type: () => Organization, description: "The organization as it now is." },
});

@Resolver(() => Organization)
export class OrganizationResolver {
  @Query(() => OrganizationConnection, { description: "The organizations that the caller belongs to, oldest first." })
  organizations(@Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, oldestFirst, (keyset) => organizations(ctx, keyset));
  }

  @Query(() => Organization, { nullable: true, description: "One organization that the caller belongs to." })
  organization(@Arg("id", () => ID, { description: "Which organization." }) id: string, @Ctx() ctx: RequestContext) {
    return organization(ctx, requireId("org", id, "id"));
  }

  @FieldResolver(() => OrganizationMemberConnection, {
    nullable: true,
    description: "Who belongs to it, oldest first.",
  })
  members(@Root() { id }: OrganizationRow, @Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, membersInOrder, (keyset) => members(ctx, id, keyset));
  }

  @FieldResolver(() => WorkspaceConnection, {
    nullable: true,
    description: "Its workspaces that the caller may enter, oldest first.",
  })
  workspaces(
    @Root() { id }: OrganizationRow,
    @Args(() => PageArguments) page: PageArguments,
    @Ctx() ctx: RequestContext,
  ) {
    return paginate(page, workspacesInOrder, (keyset) => workspacesOf(ctx, id, keyset));
  }

  @FieldResolver(() => InvitationConnection, {
    nullable: true,
    description: "Whom it has invited, newest first; for those who may invite.",
  })
  invitations(
    @Root() { id }: OrganizationRow,
    @Args(() => PageArguments) page: PageArguments,
    @Ctx() ctx: RequestContext,
  ) {
    return paginate(page, invitationsInOrder, (keyset) => invitations(ctx, id, keyset));
  }

  @Mutation(() => CreateOrganizationPayload, {
    description: "Founds an organization with a first workspace; the caller owns it.",
  })
  async createOrganization(
    @Arg("input", () => CreateOrganizationInput) input: CreateOrganizationInput,
    @Ctx() ctx: RequestContext,
  ) {
    const name = requireText(input.name, "input.name", { lengthMax: 200 });
    return toPayload(CreateOrganizationPayload, ok(await createOrganization(ctx, { name })));
  }

  @Mutation(() => UpdateOrganizationPayload, { description: "Renames the caller's organization." })
  async updateOrganization(
    @Arg("input", () => UpdateOrganizationInput) input: UpdateOrganizationInput,
    @Ctx() ctx: RequestContext,
  ) {
    const name = requireText(input.name, "input.name", { lengthMax: 200 });
    return toPayload(UpdateOrganizationPayload, ok(await updateOrganization(ctx, { name })));
  }
}
