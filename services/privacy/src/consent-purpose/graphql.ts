import {
  Arg,
  Ctx,
  DateTime,
  Enum,
  Field,
  FieldResolver,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Payload,
  Query,
  Resolver,
  badInput,
  requireText,
  toPayload,
} from "@atrium/schema-kit";
import type { RequestContext } from "../context";
import { defineConsentPurpose } from "./commands";
import { DefineConsentPurposeRefusal, legalBases, type LegalBasis as Basis } from "./consent-purpose";
import { mayDefine } from "./policy";
import { consentPurposes } from "./queries";

const LegalBasis = Enum(
  "ConsentLegalBasis",
  "Why the law lets an organization do it: article 6 (1) of the GDPR.",
  legalBases,
);

@ObjectType("ConsentPurpose", { description: "What an organization asks people for." })
export class ConsentPurpose {
  @Field(() => String, { description: "Names it: analytics, marketing, research, or one of the organization's own." })
  key!: string;

  @Field(() => Int, { description: "Grows with each new text; whoever agreed to an earlier one is asked again." })
  version!: number;

  @Field(() => LegalBasis, { description: "Why it may be done." })
  legalBasis!: Basis;

  @Field(() => String, { description: "What people are told." })
  text!: string;

  @Field(() => DateTime, {
    nullable: true,
    description: "When this version was written; null for what was there from the start.",
  })
  definedAt!: Date | null;
}

@InputType("DefineConsentPurposeInput", { description: "A purpose, or a new version of one." })
class DefineConsentPurposeInput {
  @Field(() => String, { description: "Names it: lower-case letters, digits and _, up to 40." })
  key!: string;

  @Field(() => LegalBasis, { description: "Why it may be done." })
  legalBasis!: Basis;

  @Field(() => String, { description: "What people are told, up to 2,000 characters." })
  text!: string;
}

const DefineConsentPurposePayload = Payload(
  "defineConsentPurpose",
  { purpose: { type: () => ConsentPurpose, description: "The purpose as it now is." } },
  DefineConsentPurposeRefusal,
);

@Resolver(() => ConsentPurpose)
export class ConsentPurposeResolver {
  @Query(() => [ConsentPurpose], {
    nullable: true,
    description: "What the caller's organization asks people for, each in its newest version; 50 at the most.",
  })
  consentPurposes(@Ctx() ctx: RequestContext) {
    return consentPurposes(ctx);
  }

  @FieldResolver(() => Boolean, { description: "Whether the caller may write a new version." })
  viewerCanDefine(@Ctx() { actor }: RequestContext) {
    return mayDefine(actor);
  }

  @Mutation(() => DefineConsentPurposePayload, {
    description: "Writes a purpose of the caller's organization, or a new version of one.",
  })
  async defineConsentPurpose(
    @Arg("input", () => DefineConsentPurposeInput) input: DefineConsentPurposeInput,
    @Ctx() ctx: RequestContext,
  ) {
    const text = requireText(input.text, "input.text", { lengthMax: 2_000, multiline: true });
    const purpose = { key: requireKey(input.key, "input.key"), legalBasis: input.legalBasis, text };
    return toPayload(DefineConsentPurposePayload, await defineConsentPurpose(ctx, purpose));
  }
}

/** A purpose's key in its form; it may still name none. */
export function requireKey(key: string, field: string): string {
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(key))
    throw badInput(field, `${field} must be of lower-case letters, digits and _, up to 40, and begin with a letter.`);
  return key;
}
