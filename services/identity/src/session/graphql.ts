import {
  Arg,
  Connection,
  Ctx,
  DateTime,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Payload,
  Resolver,
  Root,
  toPayload,
} from "@atrium/schema-kit";
import { isSignedIn } from "@atrium/access";
import { ok } from "@atrium/errors";
import type { Context } from "../context";
import { Organization, Workspace } from "../entities";
import { revokeOtherSessions, revokeSession, signOut } from "./commands";
import type { Session } from "./session";

@ObjectType("Session", { description: "One sign-in on one device, kept alive by refreshing." })
export class SessionType {
  @Field(() => ID, { description: "Begins with ses_." })
  id!: string;

  @Field(() => String, { nullable: true, description: "What the client called itself; null for guests." })
  device!: string | null;

  @Field(() => DateTime, { description: "When it began." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it was last refreshed." })
  lastUsedAt!: Date;

  @Field(() => DateTime, { description: "When it ends unless it is refreshed before." })
  expiresAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When it was ended; null while it lives." })
  endedAt!: Date | null;
}

export const SessionConnection = Connection("Session", () => SessionType);

const SignOutPayload = Payload("signOut", {
  session: { type: () => SessionType, description: "The session that ended." },
});

@InputType("RevokeSessionInput", { description: "Which session to end." })
class RevokeSessionInput {
  @Field(() => ID, { description: "The session's id." })
  id!: string;
}

const RevokeSessionPayload = Payload("revokeSession", {
  session: { type: () => SessionType, description: "The session that ended." },
});

const RevokeOtherSessionsPayload = Payload("revokeOtherSessions", {
  sessions: { type: () => [SessionType], description: "The sessions that ended." },
});

@Resolver(() => SessionType)
export class SessionResolver {
  @FieldResolver(() => Boolean, { description: "Whether this is the session that asks." })
  isCurrent(@Root() { id }: Session, @Ctx() { actor }: Context): boolean {
    return isSignedIn(actor) && actor.sessionId === id;
  }

  @FieldResolver(() => Organization, { nullable: true, description: "Where it stands; null for nowhere." })
  organization(@Root() { organizationId }: Session) {
    return organizationId && { id: organizationId };
  }

  @FieldResolver(() => Workspace, { nullable: true, description: "The workspace it stands in." })
  workspace(@Root() { workspaceId }: Session) {
    return workspaceId && { id: workspaceId };
  }

  @Mutation(() => SignOutPayload, { description: "Ends the session that asks: its tokens stop working at once." })
  async signOut(@Ctx() ctx: Context) {
    return toPayload(SignOutPayload, ok(await signOut(ctx)));
  }

  @Mutation(() => RevokeSessionPayload, { description: "Ends one of the caller's sessions at once." })
  async revokeSession(@Arg("input", () => RevokeSessionInput) input: RevokeSessionInput, @Ctx() ctx: Context) {
    return toPayload(RevokeSessionPayload, ok(await revokeSession(ctx, input)));
  }

  @Mutation(() => RevokeOtherSessionsPayload, { description: "Ends the caller's sessions but the one that asks." })
  async revokeOtherSessions(@Ctx() ctx: Context) {
    return toPayload(RevokeOtherSessionsPayload, ok(await revokeOtherSessions(ctx)));
  }
}
