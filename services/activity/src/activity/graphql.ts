import {
  Arg,
  Args,
  Connection,
  createUnionType,
  Ctx,
  DateTime,
  Enum,
  Field,
  FieldResolver,
  ID,
  ObjectType,
  orderBy,
  PageArguments,
  paginate,
  badInput,
  Query,
  requireId,
  Resolver,
  Root,
} from "@atrium/schema-kit";
import { z } from "zod";
import type { RequestContext } from "../context";
import { Conversation, Document, KnowledgeBase, Organization, Project, User, Workspace } from "../references";
import { ActivityKind, SubjectType, type Activity as Line } from "./activity";
import { timeline } from "./queries";

const Kind = Enum("ActivityKind", "What happened.", ActivityKind);
const Type = Enum("ActivitySubjectType", "What a line of a timeline is about.", SubjectType);

/** The types of the graph that lines refer to. */
const entities: Partial<Record<SubjectType, string>> = {
  DOCUMENT: "Document",
  KNOWLEDGE_BASE: "KnowledgeBase",
  CONVERSATION: "Conversation",
  PROJECT: "Project",
  WORKSPACE: "Workspace",
  ORGANIZATION: "Organization",
};

const ActivitySubject = createUnionType({
  name: "ActivitySubject",
  description: "What a line of a timeline is about, where it can be asked for by its id.",
  types: () => [Document, KnowledgeBase, Conversation, Project, Workspace, Organization] as const,
  resolveType: (value) => entities[(value as { id: string } & { type: SubjectType }).type],
});

@ObjectType("Activity", { description: "A line of a timeline: what happened, when, to what, and whose act it was." })
export class Activity {
  @Field(() => ID, { description: "Opaque; begins with act_. Lines sort by it as by time." })
  id!: string;

  @Field(() => Kind, { description: "What happened. More kinds may come." })
  kind!: ActivityKind;

  @Field(() => DateTime, { description: "When it happened." })
  happenedAt!: Date;

  @Field(() => Type, { description: "What kind of thing it is about." })
  subjectType!: SubjectType;

  @Field(() => ID, { description: "The id of what it is about." })
  subjectId!: string;
}

const ActivityConnection = Connection("Activity", () => Activity);
const newestFirst = orderBy("timeline", z.uuid(), ({ id }: Line) => id);

@Resolver(() => Activity)
export class ActivityResolver {
  @Query(() => ActivityConnection, {
    description:
      "What happened, newest first: in the caller's workspace, to one subject, or by one person. Lines about what the " +
      "caller couldn't open aren't in it.",
  })
  timeline(
    @Args(() => PageArguments) page: PageArguments,
    @Arg("subjectId", () => ID, { nullable: true, description: "Only what happened to this." })
    subjectId: string | null,
    @Arg("userId", () => ID, {
      nullable: true,
      description: "Only what this person did; the caller's own account too.",
    })
    userId: string | null,
    @Arg("workspaceId", () => ID, { nullable: true, description: "The caller's workspace; the same as none of these." })
    workspaceId: string | null,
    @Ctx() ctx: RequestContext,
  ) {
    if ([subjectId, userId, workspaceId].filter(Boolean).length > 1)
      throw badInput("subjectId", "Give one of subjectId, userId and workspaceId, or none.");
    if (subjectId && !/^[a-z]{2,8}_[0-9a-z]{26}$/.test(subjectId))
      throw badInput("subjectId", "subjectId is not the id of an object.");
    const asked = {
      subjectId,
      userId: userId ? requireId("usr", userId, "userId") : null,
      workspaceId: workspaceId ? requireId("wsp", workspaceId, "workspaceId") : null,
    };
    return paginate(page, newestFirst, (keyset) => timeline(ctx, asked, keyset));
  }

  @FieldResolver(() => ID, { description: "Opaque; begins with act_. Lines sort by it as by time." })
  id(@Root() { id }: Line) {
    return `act_${id.replaceAll("-", "")}`;
  }

  @FieldResolver(() => User, { nullable: true, description: "Whose act it was; null where nobody's." })
  actor(@Root() { actorId }: Line) {
    return actorId && { id: actorId };
  }

  @FieldResolver(() => User, {
    nullable: true,
    description: "Whom it is about: the member, who talks to the bot, whose account it is.",
  })
  person(@Root() { personId }: Line) {
    return personId && { id: personId };
  }

  @FieldResolver(() => ActivitySubject, {
    nullable: true,
    description: "What it is about, as its own service tells it; null where it isn't an object of the graph.",
  })
  subject(@Root() { subjectType, subjectId }: Line) {
    return entities[subjectType] && { type: subjectType, id: subjectId };
  }
}
