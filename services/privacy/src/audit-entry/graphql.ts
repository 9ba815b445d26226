import {
  Arg,
  Args,
  Connection,
  Ctx,
  DateTime,
  Enum,
  Field,
  FieldResolver,
  Float,
  ID,
  InputType,
  Int,
  ObjectType,
  PageArguments,
  Query,
  Requires,
  Resolver,
  Root,
  Tag,
  badInput,
  optionalText,
  orderBy,
  paginate,
} from "@atrium/schema-kit";
import { z } from "zod";
import type { RequestContext } from "../context";
import { User, Workspace, userOf } from "../references";
import { brokenKinds, outcomes, type AuditEntry as AuditEntryRow } from "./audit-entry";
import { auditTrail, verifyAuditTrail } from "./queries";
import type { Verification } from "./verify";

const Outcome = Enum("AuditOutcome", "How something went.", outcomes);
const BrokenKind = Enum("AuditBrokenKind", "What is wrong with an audit trail.", brokenKinds);

@ObjectType("AuditEntry", { description: "One thing that was done: who did it, to what, and when." })
class AuditEntry {
  @Field(() => Float, { description: "Its place in the organization's trail, from 1 on." })
  number!: number;

  @Field(() => ID, { description: "Of the event that it records." })
  eventId!: string;

  @Field(() => String, { description: "What was done: the type of the event." })
  action!: string;

  @Field(() => ID, { description: "The id of what it was done to." })
  subject!: string;

  @Field(() => ID, {
    nullable: true,
    description: "Who did it, or on whose behalf it was done; null for what nobody in particular did.",
  })
  actorId!: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      "What acted on that person's behalf: an API key, or a service by its name; null when they acted themselves.",
  })
  agentId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The network that the request came from, truncated (/24, /48); null once the person is erased.",
  })
  network!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "What the caller's device said it was; null once the person is erased.",
  })
  userAgent!: string | null;

  @Field(() => Outcome, { description: "How it went." })
  outcome!: string;

  @Field(() => DateTime, { description: "When it was done." })
  occurredAt!: Date;

  @Field(() => DateTime, { description: "When it was recorded, at the latest a moment later." })
  recordedAt!: Date;

  @Field(() => String, { nullable: true, description: "The trace of the request that it came from." })
  traceId!: string | null;

  @Field(() => String, { description: "SHA-256 of what the event says, in hexadecimal." })
  dataHash!: string;

  @Field(() => String, { description: "The hash of the entry before this one." })
  previousHash!: string;

  @Field(() => String, { description: "SHA-256 of the hash before and of everything that this entry says." })
  hash!: string;
}

const AuditEntryConnection = Connection("AuditEntry", () => AuditEntry);
const newestFirst = orderBy("auditTrail", z.number().int(), ({ number }: AuditEntryRow) => number);

@ObjectType("AuditBroken", { description: "Where an audit trail first isn't what was recorded." })
class AuditBroken {
  @Field(() => BrokenKind, { description: "What is wrong there." })
  kind!: string;

  @Field(() => Float, { description: "The entry's place in the trail." })
  number!: number;
}

@ObjectType("AuditVerification", { description: "Whether an audit trail is what was recorded." })
class AuditVerification {
  @Field(() => Float, { description: "How many entries were read and found right." })
  entryCount!: number;

  @Field(() => Int, { description: "How many signed checkpoints were found right." })
  checkpointCount!: number;

  @Field(() => AuditBroken, { nullable: true, description: "The first fault; null when there is none." })
  firstBroken!: AuditBroken | null;
}

@InputType("AuditFilter", { description: "Which entries to list; all of it has to hold." })
class AuditFilter {
  @Field(() => ID, { nullable: true, description: "What this person or guest did." })
  actorId?: string | null;

  @Field(() => ID, { nullable: true, description: "What was done to the object with this id." })
  subject?: string | null;

  @Field(() => String, { nullable: true, description: "What was done: the type of an event, with its version." })
  action?: string | null;

  @Field(() => DateTime, { nullable: true, description: "Recorded at this time or later." })
  from?: Date | null;

  @Field(() => DateTime, { nullable: true, description: "Recorded before this time." })
  to?: Date | null;
}

@Resolver(() => AuditEntry)
export class AuditEntryResolver {
  @Requires("audit:read")
  @Tag("audit")
  @Query(() => AuditEntryConnection, {
    nullable: true,
    description: "What was done in the caller's organization, newest first: for those who may read it (audit:read).",
  })
  auditTrail(
    @Arg("filter", () => AuditFilter, { nullable: true, description: "Which entries." }) filter: AuditFilter | null,
    @Args(() => PageArguments) page: PageArguments,
    @Ctx() ctx: RequestContext,
  ) {
    const { actorId, subject, action, from = null, to = null } = filter ?? {};
    checkTime(from, to, "filter.");
    const wanted = {
      actorId: optionalText(actorId, "filter.actorId", { lengthMax: 200 }),
      subject: optionalText(subject, "filter.subject", { lengthMax: 200 }),
      action: optionalText(action, "filter.action", { lengthMax: 200 }),
      from,
      to,
    };
    return paginate(page, newestFirst, (keyset) => auditTrail(ctx, wanted, keyset));
  }

  @Requires("audit:read")
  @Tag("audit")
  @Query(() => AuditVerification, {
    nullable: true,
    description: "Reads the organization's audit trail, or a time of it, and says whether it is what was recorded.",
  })
  verifyAuditTrail(
    @Arg("from", () => DateTime, { nullable: true, description: "From this time on; from the beginning when absent." })
    from: Date | null,
    @Arg("to", () => DateTime, { nullable: true, description: "Up to this time; to the end when absent." })
    to: Date | null,
    @Ctx() ctx: RequestContext,
  ) {
    checkTime(from, to, "");
    return verifyAuditTrail(ctx, { from, to }, ctx.signal);
  }

  @FieldResolver(() => User, { nullable: true, description: "Who did it, while there is such a user." })
  actor(@Root() { actorId }: AuditEntryRow) {
    return userOf(actorId);
  }

  @FieldResolver(() => Workspace, {
    nullable: true,
    description: "Where it was done; null for the organization itself.",
  })
  workspace(@Root() { workspaceId }: AuditEntryRow) {
    return workspaceId && { id: workspaceId };
  }
}

@Resolver(() => AuditVerification)
export class AuditVerificationResolver {
  @FieldResolver(() => Boolean, { description: "Whether nothing is wrong." })
  intact(@Root() { firstBroken }: Verification) {
    return firstBroken === null;
  }
}

function checkTime(from: Date | null, to: Date | null, prefix: string): void {
  if (from && to && from >= to) throw badInput(`${prefix}to`, `${prefix}to must lie after ${prefix}from.`);
}
