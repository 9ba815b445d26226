import {
  Arg,
  Args,
  Ctx,
  DateTime,
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
  toPayload,
} from "@atrium/schema-kit";
import { ok } from "@atrium/errors";
import { ApiKeyConnection } from "../api-key/graphql";
import type { Context } from "../context";
import { Organization, Workspace } from "../entities";
import { refreshSession, switchContext } from "../session/commands";
import { SessionConnection } from "../session/graphql";
import { RefreshRefusal } from "../session/session";
import { signIn, signInAsGuest, signUp } from "../user/commands";
import { SignInMethodType, UserType } from "../user/graphql";
import { PasswordRefusal } from "../user/password";
import { SignInRefusal, SignUpRefusal } from "../user/user";
import { viewer, viewerApiKeys, viewerEmail, viewerPermissions, viewerSessions, viewerSignInMethods } from "./queries";
import type { Viewer } from "./viewer";

const ViewerKind = Enum("ViewerKind", "As what somebody asks.", {
  USER: "A person who signed in.",
  GUEST: "Somebody who came without signing in.",
  API_KEY: "A program, by a key of its owner's.",
});

@ObjectType("Viewer", { description: "Whoever asks, and where they stand." })
export class ViewerType {
  @Field(() => ViewerKind, { description: "As what they ask." })
  kind!: keyof typeof ViewerKind;

  @Field(() => UserType, { description: "The user who asks; for an API key, its owner." })
  user!: UserType;
}

const AuthPayload = Payload(
  "auth",
  {
    accessToken: { type: () => String, description: "Send it as `Authorization: Bearer …`. Good for 15 minutes." },
    accessTokenExpiresAt: { type: () => DateTime, description: "When the access token stops working." },
    refreshToken: {
      type: () => String,
      description: "Good for the next access token, once. Null from `switchContext`: the one before stays good.",
    },
    viewer: { type: () => ViewerType, description: "Who is signed in now, and where they stand." },
  },
  { ...SignUpRefusal, ...SignInRefusal, ...PasswordRefusal, ...RefreshRefusal },
);

const emailDescription = "Compared without regard to case; up to 254 characters.";
const passwordDescription =
  "At least 8 characters of four kinds, or a passphrase of at least 16; not one that is tried first.";

@InputType("SignUpInput", { description: "A new user." })
class SignUpInput {
  @Field(() => String, { description: emailDescription })
  email!: string;

  @Field(() => String, { description: passwordDescription })
  password!: string;

  @Field(() => String, { description: "What to be called, up to 200 characters." })
  name!: string;
}

@InputType("SignInInput", { description: "What proves who somebody is." })
class SignInInput {
  @Field(() => String, { description: emailDescription })
  email!: string;

  @Field(() => String, { description: "The password." })
  password!: string;
}

@InputType("RefreshSessionInput", { description: "What keeps a session alive." })
class RefreshSessionInput {
  @Field(() => String, { description: "The newest refresh token of the session." })
  refreshToken!: string;
}

@InputType("SwitchContextInput", { description: "Where to act from now on." })
class SwitchContextInput {
  @Field(() => ID, { description: "An organization that the caller belongs to." })
  organizationId!: string;

  @Field(() => ID, { nullable: true, description: "A workspace of it; none when absent." })
  workspaceId?: string | null;
}

@Resolver(() => ViewerType)
export class ViewerResolver {
  @Query(() => ViewerType, { nullable: true, description: "Whoever asks; null for nobody." })
  viewer(@Ctx() ctx: Context) {
    return viewer(ctx);
  }

  @FieldResolver(() => ID, { description: "The user's id." })
  id(@Root() { user }: Viewer) {
    return user.id;
  }

  @FieldResolver(() => String, { description: "The user's name." })
  name(@Root() { user }: Viewer) {
    return user.name;
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "The user's e-mail address; null for guests and API keys.",
  })
  email(@Root() root: Viewer, @Ctx() ctx: Context) {
    return viewerEmail(ctx, root);
  }

  @FieldResolver(() => [SignInMethodType], { nullable: true, description: "How the user can sign in." })
  signInMethods(@Root() root: Viewer, @Ctx() ctx: Context) {
    return viewerSignInMethods(ctx, root);
  }

  @FieldResolver(() => SessionConnection, { nullable: true, description: "The user's living sessions, newest first." })
  sessions(@Root() root: Viewer, @Args(() => PageArguments) page: PageArguments, @Ctx() ctx: Context) {
    return viewerSessions(ctx, root, page);
  }

  @FieldResolver(() => ApiKeyConnection, {
    nullable: true,
    description: "The user's API keys that work or expired, newest first.",
  })
  apiKeys(@Root() root: Viewer, @Args(() => PageArguments) page: PageArguments, @Ctx() ctx: Context) {
    return viewerApiKeys(ctx, root, page);
  }

  @FieldResolver(() => [String], {
    nullable: true,
    description: "Every `resource:action` that is allowed where the viewer stands.",
  })
  permissions(@Root() root: Viewer, @Ctx() ctx: Context) {
    return viewerPermissions(ctx, root);
  }

  @FieldResolver(() => Organization, { nullable: true, description: "The organization that the viewer stands in." })
  organization(@Root() { organizationId }: Viewer) {
    return organizationId && { id: organizationId };
  }

  @FieldResolver(() => Workspace, { nullable: true, description: "The workspace that the viewer stands in." })
  workspace(@Root() { workspaceId }: Viewer) {
    return workspaceId && { id: workspaceId };
  }

  @Mutation(() => AuthPayload, { description: "Makes a user with a first organization, and signs them in." })
  async signUp(@Arg("input", () => SignUpInput) input: SignUpInput, @Ctx() ctx: Context) {
    return toPayload(AuthPayload, await signUp(ctx, input));
  }

  @Mutation(() => AuthPayload, { description: "Signs in by e-mail and password." })
  async signIn(@Arg("input", () => SignInInput) input: SignInInput, @Ctx() ctx: Context) {
    return toPayload(AuthPayload, await signIn(ctx, input));
  }

  @Mutation(() => AuthPayload, {
    description: "Signs in somebody of whom nothing is known; ends after an hour of silence.",
  })
  async signInAsGuest(@Ctx() ctx: Context) {
    return toPayload(AuthPayload, ok(await signInAsGuest(ctx)));
  }

  @Mutation(() => AuthPayload, {
    description: "Exchanges a refresh token, once. Using an old one again ends the session, since somebody has a copy.",
  })
  async refreshSession(@Arg("input", () => RefreshSessionInput) input: RefreshSessionInput, @Ctx() ctx: Context) {
    return toPayload(AuthPayload, await refreshSession(ctx, input));
  }

  @Mutation(() => AuthPayload, { description: "Goes to another organization or workspace of the caller's." })
  async switchContext(@Arg("input", () => SwitchContextInput) input: SwitchContextInput, @Ctx() ctx: Context) {
    return toPayload(AuthPayload, ok(await switchContext(ctx, input)));
  }
}
