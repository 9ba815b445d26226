import {
  Arg,
  Args,
  Connection,
  Ctx,
  DateTime,
  Enum,
  Field,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  PageArguments,
  Payload,
  Query,
  Resolver,
  badInput,
  orderBy,
  paginate,
  toPayload,
} from "@atrium/schema-kit";
import { ok } from "@atrium/errors";
import { z } from "zod";
import { requireKey } from "../consent-purpose/graphql";
import type { RequestContext } from "../context";
import { recordConsents } from "./commands";
import { RecordConsentsRefusal, methods, type Method } from "./consent";
import { consentHistory, viewerConsents } from "./queries";

const ConsentMethod = Enum("ConsentMethod", "How a person was asked.", methods);

@ObjectType("Consent", { description: "How a person stands to a purpose of their organization." })
class Consent {
  @Field(() => String, { description: "The purpose's key." })
  purpose!: string;

  @Field(() => Int, { description: "The version that was decided on." })
  purposeVersion!: number;

  @Field(() => Boolean, { description: "Whether the person agrees." })
  given!: boolean;

  @Field(() => String, { description: "How the person was asked." })
  method!: string;

  @Field(() => DateTime, { description: "When it was decided." })
  recordedAt!: Date;
}

@ObjectType("ConsentRecord", { description: "A decision, with what the law wants proved." })
class ConsentRecord {
  @Field(() => ID, { description: "Opaque; begins with cns_." })
  id!: string;

  @Field(() => String, { description: "The purpose's key." })
  purpose!: string;

  @Field(() => Int, { description: "The version that was decided on." })
  purposeVersion!: number;

  @Field(() => Boolean, { description: "Whether the person agreed." })
  given!: boolean;

  @Field(() => String, { description: "How the person was asked." })
  method!: string;

  @Field(() => DateTime, { description: "When it was decided." })
  recordedAt!: Date;

  @Field(() => String, { nullable: true, description: "The program it was decided with, as that names itself." })
  userAgent!: string | null;

  @Field(() => String, { nullable: true, description: "The network it was decided from; never the whole address." })
  address!: string | null;
}

const ConsentRecordConnection = Connection("ConsentRecord", () => ConsentRecord);
const newestFirst = orderBy("consentHistory", z.number().int(), ({ position }: { position: number }) => position);

@InputType("ConsentDecisionInput", { description: "What somebody decided on one purpose." })
class ConsentDecisionInput {
  @Field(() => String, { description: "The purpose's key." })
  purpose!: string;

  @Field(() => Boolean, { description: "Whether they agree." })
  given!: boolean;

  @Field(() => ConsentMethod, { description: "How they were asked." })
  method!: Method;

  @Field(() => Int, {
    nullable: true,
    description: "The version that they were shown; refused when it isn't the newest.",
  })
  version?: number | null;
}

@InputType("RecordConsentsInput", { description: "What the caller agrees to, and what not." })
class RecordConsentsInput {
  @Field(() => [ConsentDecisionInput], { description: "The decisions, 50 at the most." })
  consents!: ConsentDecisionInput[];
}

@InputType("WithdrawConsentInput", { description: "What the caller no longer agrees to." })
class WithdrawConsentInput {
  @Field(() => String, { description: "The purpose's key." })
  purpose!: string;
}

const RecordConsentsPayload = Payload(
  "recordConsents",
  {
    processed: { type: () => Int, description: "How many decisions were recorded." },
    activeCollections: { type: () => [String], description: "What is collected from now on: keys of purposes." },
    consents: { type: () => [Consent], description: "How the caller stands to all purposes now." },
  },
  RecordConsentsRefusal,
);
const WithdrawConsentPayload = Payload(
  "withdrawConsent",
  { consent: { type: () => Consent, description: "How the caller stands to the purpose now." } },
  RecordConsentsRefusal,
);

@Resolver(() => Consent)
export class ConsentResolver {
  @Query(() => [Consent], {
    nullable: true,
    description:
      "How the caller stands to the purposes of their organization; what they weren't asked for isn't there.",
  })
  viewerConsents(@Ctx() ctx: RequestContext) {
    return viewerConsents(ctx);
  }

  @Query(() => ConsentRecordConnection, {
    nullable: true,
    description: "Everything that the caller has decided in their organization, newest first.",
  })
  consentHistory(@Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, newestFirst, (keyset) => consentHistory(ctx, keyset));
  }

  @Mutation(() => RecordConsentsPayload, {
    description: "Records what the caller agrees to in their organization. Every service goes by it within a second.",
  })
  async recordConsents(
    @Arg("input", () => RecordConsentsInput) input: RecordConsentsInput,
    @Ctx() ctx: RequestContext,
  ) {
    const { consents } = input;
    if (consents.length === 0 || consents.length > 50)
      throw badInput("input.consents", "input.consents takes 1 to 50 decisions.");
    const decisions = consents.map(({ purpose, given, method, version = null }, place) => {
      return { purpose: requireKey(purpose, `input.consents.${place}.purpose`), given, method, version };
    });
    return toPayload(RecordConsentsPayload, await recordConsents(ctx, decisions));
  }

  @Mutation(() => WithdrawConsentPayload, { description: "Ends the caller's consent to a purpose, at once." })
  async withdrawConsent(
    @Arg("input", () => WithdrawConsentInput) input: WithdrawConsentInput,
    @Ctx() ctx: RequestContext,
  ) {
    const purpose = requireKey(input.purpose, "input.purpose");
    const recorded = await recordConsents(ctx, [{ purpose, given: false, method: "SETTINGS", version: null }]);
    if (!recorded.ok) return toPayload(WithdrawConsentPayload, { ...recorded, path: ["purpose"] });
    return toPayload(WithdrawConsentPayload, ok(recorded.value.consents.find((each) => each.purpose === purpose)));
  }
}
