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
import { ok } from "@atrium/errors";
import type { Context } from "../context";
import { Organization, Workspace } from "../entities";
import { ApiKeyRefusal, type ApiKey } from "./api-key";
import { createApiKey, revokeApiKey } from "./commands";

@ObjectType("ApiKey", {
  description: "A key by which a program acts for its owner, in one place, with some of their rights.",
})
export class ApiKeyType {
  @Field(() => ID, { description: "Begins with key_. It is not the secret." })
  id!: string;

  @Field(() => String, { description: "What its owner calls it." })
  name!: string;

  @Field(() => String, { description: "The secret's last four characters." })
  hint!: string;

  @Field(() => [String], { description: "What it was given; it may do no more than its owner may at the time." })
  permissions!: string[];

  @Field(() => DateTime, { description: "When it was made." })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When it stops working; null for never." })
  expiresAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it was last used, to the minute." })
  lastUsedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it was revoked." })
  revokedAt!: Date | null;
}

export const ApiKeyConnection = Connection("ApiKey", () => ApiKeyType);

@InputType("CreateApiKeyInput", { description: "A key that acts where the caller stands." })
class CreateApiKeyInput {
  @Field(() => String, { description: "What to call it, up to 200 characters." })
  name!: string;

  @Field(() => [String], {
    description: "What it may do: `resource:action`, either part may be `*`. None but one's own.",
  })
  permissions!: string[];

  @Field(() => DateTime, { nullable: true, description: "When it stops working; never when absent." })
  expiresAt?: Date | null;
}

const CreateApiKeyPayload = Payload(
  "createApiKey",
  {
    apiKey: { type: () => ApiKeyType, description: "The key that was made." },
    secret: { type: () => String, description: "The key itself. It is shown this once." },
  },
  ApiKeyRefusal,
);

@InputType("RevokeApiKeyInput", { description: "Which key to end." })
class RevokeApiKeyInput {
  @Field(() => ID, { description: "The key's id." })
  id!: string;
}

const RevokeApiKeyPayload = Payload("revokeApiKey", {
  apiKey: { type: () => ApiKeyType, description: "The key that was revoked." },
});

@Resolver(() => ApiKeyType)
export class ApiKeyResolver {
  @FieldResolver(() => Organization, { nullable: true, description: "The organization that it acts in." })
  organization(@Root() { organizationId }: ApiKey) {
    return { id: organizationId };
  }

  @FieldResolver(() => Workspace, { nullable: true, description: "The workspace that it acts in, if in one." })
  workspace(@Root() { workspaceId }: ApiKey) {
    return workspaceId && { id: workspaceId };
  }

  @Mutation(() => CreateApiKeyPayload, { description: "Makes an API key. Needs the permission api_keys:create." })
  async createApiKey(@Arg("input", () => CreateApiKeyInput) input: CreateApiKeyInput, @Ctx() ctx: Context) {
    return toPayload(CreateApiKeyPayload, await createApiKey(ctx, input));
  }

  @Mutation(() => RevokeApiKeyPayload, { description: "Ends one of the caller's API keys at once." })
  async revokeApiKey(@Arg("input", () => RevokeApiKeyInput) input: RevokeApiKeyInput, @Ctx() ctx: Context) {
    return toPayload(RevokeApiKeyPayload, ok(await revokeApiKey(ctx, input)));
  }
}
