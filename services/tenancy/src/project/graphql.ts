import {
  Arg,
  Args,
  Connection,
  Ctx,
  DateTime,
  Directive,
  Enum,
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
  badInput,
  optionalText,
  orderBy,
  paginate,
  requireId,
  requireText,
  toPayload,
} from "@atrium/schema-kit";
import { ok } from "@atrium/errors";
import { z } from "zod";
import type { RequestContext } from "../context";
import { User } from "../references";
import { archiveProject, createProject, deleteProject, updateProject } from "./commands";
import { mayWrite } from "./policy";
import { ArchiveProjectRefusal, UpdateProjectRefusal, change, type Project as ProjectRow } from "./project";
import { project, projects } from "./queries";

const Status = Enum("ProjectStatus", "Where a project stands.", {
  ACTIVE: "Work goes on.",
  ARCHIVED: "Work has ended; the project is kept to be read.",
});

@ObjectType("Project", { description: "A piece of work that records, purchases and budgets refer to." })
@Directive('@key(fields: "id")')
export class Project {
  @Field(() => ID, { description: "Opaque; begins with prj_." })
  id!: string;

  @Field(() => String, { description: "What it is called." })
  name!: string;

  @Field(() => String, { description: "What it is about; may be empty." })
  description!: string;

  @Field(() => DateTime, { description: "When it was created." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When its name, description or status last changed." })
  updatedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When it was archived; null while it is active." })
  archivedAt!: Date | null;
}

const ProjectConnection = Connection("Project", () => Project);
const newestFirst = orderBy("projects", z.string(), ({ id }: ProjectRow) => id);

@InputType("CreateProjectInput", { description: "A project to begin." })
class CreateProjectInput {
  @Field(() => String, { description: "What it is called, up to 200 characters." })
  name!: string;

  @Field(() => String, { nullable: true, description: "What it is about, up to 5,000 characters." })
  description?: string | null;
}

@InputType("UpdateProjectInput", { description: "What to change of a project; what is absent stays." })
class UpdateProjectInput {
  @Field(() => ID, { description: "Which project." })
  projectId!: string;

  @Field(() => String, { nullable: true, description: "Its new name." })
  name?: string | null;

  @Field(() => String, { nullable: true, description: "Its new description." })
  description?: string | null;
}

@InputType("ArchiveProjectInput", { description: "A project on which work has ended." })
class ArchiveProjectInput {
  @Field(() => ID, { description: "Which project." })
  projectId!: string;
}

@InputType("DeleteProjectInput", { description: "A project to remove for good." })
class DeleteProjectInput {
  @Field(() => ID, { description: "Which project." })
  projectId!: string;
}

const CreateProjectPayload = Payload("createProject", {
  project: { type: () => Project, description: "The new project." },
});
const UpdateProjectPayload = Payload(
  "updateProject",
  { project: { type: () => Project, description: "The project as it now is." } },
  UpdateProjectRefusal,
);
const ArchiveProjectPayload = Payload(
  "archiveProject",
  { project: { type: () => Project, description: "The archived project." } },
  ArchiveProjectRefusal,
);
const DeleteProjectPayload = Payload("deleteProject", {
  deletedProjectId: { type: () => ID, description: "What was removed." },
});

const limits = { name: { lengthMax: 200 }, description: { lengthMin: 0, lengthMax: 5_000, multiline: true } } as const;

@Resolver(() => Project)
export class ProjectResolver {
  @Query(() => ProjectConnection, { description: "The projects of the caller's workspace, newest first." })
  projects(
    @Args(() => PageArguments) page: PageArguments,
    @Arg("status", () => Status, {
      defaultValue: Status.ACTIVE,
      description: "Which ones: those with work going on, or those archived.",
    })
    status: keyof typeof Status,
    @Ctx() ctx: RequestContext,
  ) {
    return paginate(page, newestFirst, (keyset) => projects(ctx, { archived: status === "ARCHIVED" }, keyset));
  }

  @Query(() => Project, { nullable: true, description: "One project of the caller's workspace." })
  project(@Arg("id", () => ID, { description: "Which project." }) id: string, @Ctx() ctx: RequestContext) {
    return project(ctx, requireId("prj", id, "id"));
  }

  @FieldResolver(() => Status, { description: "Where it stands." })
  status(@Root() { archivedAt }: ProjectRow) {
    return archivedAt ? Status.ARCHIVED : Status.ACTIVE;
  }

  @FieldResolver(() => User, { nullable: true, description: "Who created it." })
  createdBy(@Root() { createdById }: ProjectRow) {
    return createdById.startsWith("usr_") ? { id: createdById } : null;
  }

  @FieldResolver(() => Boolean, { description: "Whether the caller may change or archive it now." })
  viewerCanUpdate(@Root() root: ProjectRow, @Ctx() { actor, now }: RequestContext) {
    return mayWrite(actor) && change(root, {}, now()).ok;
  }

  @Mutation(() => CreateProjectPayload, { description: "Begins a project in the caller's workspace." })
  async createProject(@Arg("input", () => CreateProjectInput) input: CreateProjectInput, @Ctx() ctx: RequestContext) {
    const name = requireText(input.name, "input.name", limits.name);
    const description = optionalText(input.description, "input.description", limits.description) ?? "";
    return toPayload(CreateProjectPayload, ok(await createProject(ctx, { name, description })));
  }

  @Mutation(() => UpdateProjectPayload, { description: "Changes a project's name or description." })
  async updateProject(@Arg("input", () => UpdateProjectInput) input: UpdateProjectInput, @Ctx() ctx: RequestContext) {
    const projectId = requireId("prj", input.projectId, "input.projectId");
    const name = optionalText(input.name, "input.name", limits.name) ?? undefined;
    const description = optionalText(input.description, "input.description", limits.description) ?? undefined;
    if (name === undefined && description === undefined)
      throw badInput("input", "input names nothing to change: give a name or a description.");
    const fields = { ...(name !== undefined && { name }), ...(description !== undefined && { description }) };
    return toPayload(UpdateProjectPayload, await updateProject(ctx, { projectId, ...fields }));
  }

  @Mutation(() => ArchiveProjectPayload, { description: "Ends work on a project, and keeps it to be read." })
  async archiveProject(
    @Arg("input", () => ArchiveProjectInput) input: ArchiveProjectInput,
    @Ctx() ctx: RequestContext,
  ) {
    const projectId = requireId("prj", input.projectId, "input.projectId");
    return toPayload(ArchiveProjectPayload, await archiveProject(ctx, { projectId }));
  }

  @Mutation(() => DeleteProjectPayload, { description: "Removes a project for good." })
  async deleteProject(@Arg("input", () => DeleteProjectInput) input: DeleteProjectInput, @Ctx() ctx: RequestContext) {
    const projectId = requireId("prj", input.projectId, "input.projectId");
    const { id } = await deleteProject(ctx, { projectId });
    return toPayload(DeleteProjectPayload, ok(id));
  }
}
