import {
  Arg,
  Ctx,
  DateTime,
  Enum,
  Field,
  Float,
  ID,
  Int,
  ObjectType,
  Query,
  Resolver,
  Root,
  Subscription,
} from "@atrium/schema-kit";
import type { RequestContext } from "../context";
import { placeArguments, requireTimeZone } from "../metric/graphql";
import { DashboardPeriod, type Snapshot } from "./dashboard";
import type { DashboardUpdate as Update } from "./hub";
import { dashboard, requireScope, type DashboardQuery } from "./queries";

const Period = Enum("DashboardPeriod", "Of which time a dashboard tells.", DashboardPeriod);
const Reason = Enum("DashboardUpdateReason", "Why a dashboard is told.", {
  STATE: "It is the first: how things stand.",
  CHANGE: "Something has changed.",
  HEARTBEAT: "Nothing has changed for a while.",
});

@ObjectType("Dashboard", {
  description: "How things stand in a workspace or an organization. Numbers without «now» are of the period.",
})
export class Dashboard {
  @Field(() => DateTime, { description: "When the period begins." })
  from!: Date;

  @Field(() => DateTime, { description: "When it ends: for one that lasts, the end of the quarter of an hour." })
  to!: Date;

  @Field(() => DateTime, { description: "When this was so." })
  at!: Date;

  @Field(() => Int, { description: "People who did something, guests of bots included." })
  activeUsers!: number;

  @Field(() => Int, { description: "Sign-ins of people who begin here." })
  signIns!: number;

  @Field(() => Int, { description: "People who belong to the organization, or have a place in the workspace, now." })
  members!: number;

  @Field(() => Int, { description: "People who joined." })
  membersJoined!: number;

  @Field(() => Int, { description: "People who left or lost their place." })
  membersLeft!: number;

  @Field(() => Int, { description: "Conversations that began." })
  conversationsStarted!: number;

  @Field(() => Int, { description: "Messages to bots." })
  messages!: number;

  @Field(() => Int, { description: "Messages that were answered." })
  answers!: number;

  @Field(() => Int, { description: "Messages that couldn't be answered." })
  refusals!: number;

  @Field(() => Float, { nullable: true, description: "Which share was answered, 0 to 1; null when none was either." })
  answeredShare!: number | null;

  @Field(() => Float, { nullable: true, description: "How long an answer took on average, in milliseconds." })
  averageAnswerMs!: number | null;

  @Field(() => Int, { description: "Answers that were rated." })
  ratings!: number;

  @Field(() => Float, { nullable: true, description: "Which share of them was found good, 0 to 1." })
  satisfiedShare!: number | null;

  @Field(() => Float, { description: "Tokens that models were given." })
  inputTokens!: number;

  @Field(() => Float, { description: "Tokens that models wrote." })
  outputTokens!: number;

  @Field(() => Float, { description: "What answers cost, in millionths of the unit of money." })
  costMicros!: number;

  @Field(() => Int, { description: "Documents that there are now." })
  documents!: number;

  @Field(() => Int, { description: "Documents that were added." })
  documentsAdded!: number;

  @Field(() => Int, { description: "Documents that became searchable." })
  documentsIngested!: number;

  @Field(() => Int, { description: "Documents that couldn't be read." })
  documentsFailed!: number;

  @Field(() => Int, { description: "Documents that were deleted." })
  documentsDeleted!: number;

  @Field(() => Float, { nullable: true, description: "How long an ingestion took on average, in milliseconds." })
  averageIngestionMs!: number | null;

  @Field(() => Float, { description: "How big all documents are together now, in bytes." })
  storedBytes!: number;

  @Field(() => Int, { description: "Invitations, sent again ones included." })
  invitationsSent!: number;

  @Field(() => Int, { description: "Invitations that were accepted." })
  invitationsAccepted!: number;

  @Field(() => Int, { description: "Projects that began." })
  projectsCreated!: number;

  @Field(() => Int, { description: "What was done in the user interface, whoever did it." })
  interactions!: number;
}

@ObjectType("DashboardUpdate", { description: "A dashboard, told because it changed or hasn't for a while." })
export class DashboardUpdate {
  @Field(() => Reason, { description: "Why it is told." })
  reason!: string;

  @Field(() => Dashboard, { description: "How things stand." })
  dashboard!: object;
}

const wire = ({ dashboard, from, to, at }: Snapshot) => ({ ...dashboard, from, to, at });

interface DashboardArguments {
  period: DashboardPeriod;
  timeZone: string;
  workspaceId?: string | null;
  organizationId?: string | null;
}

const queryOf = ({
  period,
  timeZone,
  workspaceId = null,
  organizationId = null,
}: DashboardArguments): DashboardQuery => ({
  place: placeArguments(workspaceId, organizationId),
  period,
  zone: requireTimeZone(timeZone),
});

@Resolver()
export class DashboardResolver {
  @Query(() => Dashboard, {
    description: "How things stand in the caller's workspace, or with the right in their organization.",
  })
  async dashboard(
    @Arg("period", () => Period, { defaultValue: "TODAY", description: "Of which time." }) period: DashboardPeriod,
    @Arg("timeZone", () => String, { defaultValue: "UTC", description: "Whose days: `Europe/Berlin`." })
    timeZone: string,
    @Arg("workspaceId", () => ID, { nullable: true, description: "The caller's workspace; the same as neither." })
    workspaceId: string | null,
    @Arg("organizationId", () => ID, { nullable: true, description: "All of the caller's organization." })
    organizationId: string | null,
    @Ctx() ctx: RequestContext,
  ) {
    return wire(await dashboard(ctx, queryOf({ period, timeZone, workspaceId, organizationId })));
  }

  @Subscription(() => DashboardUpdate, {
    description:
      "How things stand, at once and within a second of each change; while much changes, every few seconds. A heartbeat " +
      "when nothing does.",
    subscribe: ({ context, args }) => watchDashboard(context as RequestContext, args as DashboardArguments),
  })
  dashboardUpdates(
    @Root() update: Update,
    @Arg("period", () => Period, { defaultValue: "TODAY", description: "Of which time." }) _period: DashboardPeriod,
    @Arg("timeZone", () => String, { defaultValue: "UTC", description: "Whose days: `Europe/Berlin`." })
    _timeZone: string,
    @Arg("workspaceId", () => ID, { nullable: true, description: "The caller's workspace; the same as neither." })
    _workspaceId: string | null,
    @Arg("organizationId", () => ID, { nullable: true, description: "All of the caller's organization." })
    _organizationId: string | null,
  ) {
    return { reason: update.reason, dashboard: wire(update.snapshot) };
  }
}

async function watchDashboard(ctx: RequestContext, args: DashboardArguments) {
  return ctx.dashboards.watch(requireScope(ctx, queryOf(args)), ctx.signal);
}
