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
import { WorkspaceMemberConnection, placesInOrder } from "../membership/graphql";
import { workspaceMembers } from "../membership/queries";
import { createWorkspace, updateWorkspace } from "./commands";
import { workspace, workspaces } from "./queries";
import type { Workspace as WorkspaceRow } from "./workspace";

@ObjectType("Workspace", { description: "A part of an organization in which people work together." })
@Directive('@key(fields: "id")')
export class Workspace {
  @Field(() => ID, { description: "Opaque; begins with wsp_." })
  id!: string;

  @Field(() => String, { description: "What it is called." })
  name!: string;

  @Field(() => DateTime, { description: "When it was created." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it was last renamed." })
  updatedAt!: Date;
}

export const WorkspaceConnection = Connection("Workspace", () => Workspace);
export const workspacesInOrder = orderBy("workspaces", z.string(), ({ id }: WorkspaceRow) => id);

@InputType("CreateWorkspaceInput", { description: "A workspace to open." })
class CreateWorkspaceInput {
  @Field(() => String, { description: "What it is called, up to 200 characters." })
  name!: string;
}

@InputType("UpdateWorkspaceInput", { description: "A workspace to rename." })
class UpdateWorkspaceInput {
  @Field(() => ID, { description: "Which workspace." })
  workspaceId!: string;

  @Field(() => String, { description: "Its new name, up to 200 characters." })
  name!: string;
}

const CreateWorkspacePayload = Payload("createWorkspace", {
  workspace: { type: () => Workspace, description: "The new workspace." },
});
const UpdateWorkspacePayload = Payload("updateWorkspace", {
  workspace: { type: () => Workspace, description: "The workspace as it now is." },
});

@Resolver(() => Workspace)
export class WorkspaceResolver {
  @Query(() => WorkspaceConnection, {
    description: "The workspaces of the caller's organization that they may enter, oldest first.",
  })
  workspaces(@Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, workspacesInOrder, (keyset) => workspaces(ctx, keyset));
  }

  @Query(() => Workspace, { nullable: true, description: "One workspace of the caller's organization." })
  workspace(@Arg("id", () => ID, { description: "Which workspace." }) id: string, @Ctx() ctx: RequestContext) {
    return workspace(ctx, requireId("wsp", id, "id"));
  }

  @FieldResolver(() => WorkspaceMemberConnection, { nullable: true, description: "Who works in it, oldest first." })
  members(@Root() root: WorkspaceRow, @Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    const place = { organizationId: root.organizationId, workspaceId: root.id };
    return paginate(page, placesInOrder, (keyset) => workspaceMembers(ctx, place, keyset));
  }

  @Mutation(() => CreateWorkspacePayload, {
    description: "Opens a workspace in the caller's organization; the caller becomes its administrator.",
  })
  async createWorkspace(
    @Arg("input", () => CreateWorkspaceInput) input: CreateWorkspaceInput,
    @Ctx() ctx: RequestContext,
  ) {
    const name = requireText(input.name, "input.name", { lengthMax: 200 });
    return toPayload(CreateWorkspacePayload, ok(await createWorkspace(ctx, { name })));
  }

  @Mutation(() => UpdateWorkspacePayload, { description: "Renames a workspace." })
  async updateWorkspace(
    @Arg("input", () => UpdateWorkspaceInput) input: UpdateWorkspaceInput,
    @Ctx() ctx: RequestContext,
  ) {
    const workspaceId = requireId("wsp", input.workspaceId, "input.workspaceId");
    const name = requireText(input.name, "input.name", { lengthMax: 200 });
    return toPayload(UpdateWorkspacePayload, ok(await updateWorkspace(ctx, { workspaceId, name })));
  }
}
