import {
  Arg,
  Ctx,
  Directive,
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
  toPayload,
  DateTime,
} from "@atrium/schema-kit";
import type { Context } from "../context";
import { changePassword } from "./commands";
import { PasswordRefusal } from "./password";
import { mayReadEmail } from "./policy";
import { ChangePasswordRefusal, type User } from "./user";

const UserKind = Enum("UserKind", "What sort of account a user has.", {
  USER: "A person who can sign in again.",
  GUEST: "Somebody who came without signing in; gone after an hour without a word.",
});

@ObjectType("User", { description: "Somebody with an account. Seen by those who share an organization with them." })
@Directive(`@key(fields: "id")`)
export class UserType {
  @Field(() => ID, { description: "Begins with usr_." })
  id!: string;

  @Field(() => UserKind, { description: "Whether they can sign in again." })
  kind!: keyof typeof UserKind;

  @Field(() => String, { description: "What they are called." })
  name!: string;
}

const SignInMethodKind = Enum("SignInMethodKind", "How somebody can prove who they are.", {
  EMAIL: "An e-mail address and a password.",
});

@ObjectType("SignInMethod", { description: "One way in which a user can prove who they are." })
export class SignInMethodType {
  @Field(() => ID, { description: "Begins with sim_." })
  id!: string;

  @Field(() => SignInMethodKind, { description: "What is asked for." })
  kind!: keyof typeof SignInMethodKind;

  @Field(() => String, { description: "What it is known by: the e-mail address." })
  identifier!: string;

  @Field(() => DateTime, { description: "When it was added." })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When somebody last signed in by it." })
  lastUsedAt!: Date | null;
}

@InputType("ChangePasswordInput", { description: "The password as it is, and as it shall be." })
class ChangePasswordInput {
  @Field(() => String, { description: "The password that is good now." })
  currentPassword!: string;

  @Field(() => String, {
    description: "At least 8 characters of four kinds, or a passphrase of at least 16; not one that is tried first.",
  })
  newPassword!: string;
}

const ChangePasswordPayload = Payload(
  "changePassword",
  { user: { type: () => UserType, description: "Whose password was changed." } },
  { ...ChangePasswordRefusal, ...PasswordRefusal },
);

@Resolver(() => UserType)
export class UserResolver {
  @FieldResolver(() => String, {
    nullable: true,
    description: "Their e-mail address: one's own, and with the permission members:read that of a colleague.",
  })
  email(@Root() user: User, @Ctx() { actor, loaders }: Context) {
    return mayReadEmail(actor, user.id) ? loaders.emails.load(user.id) : null;
  }

  @Mutation(() => ChangePasswordPayload, {
    description: "Replaces the caller's password and ends their other sessions.",
  })
  async changePassword(@Arg("input", () => ChangePasswordInput) input: ChangePasswordInput, @Ctx() ctx: Context) {
    return toPayload(ChangePasswordPayload, await changePassword(ctx, input));
  }
}
