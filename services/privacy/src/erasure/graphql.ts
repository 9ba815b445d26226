import {
  Arg,
  Ctx,
  DateTime,
  Enum,
  Field,
  FieldResolver,
  ID,
  InputType,
  Int,
  JSONValue,
  Mutation,
  ObjectType,
  Payload,
  Query,
  Resolver,
  Root,
  badInput,
  optionalText,
  requireId,
  toPayload,
} from "@atrium/schema-kit";
import { ok } from "@atrium/errors";
import type { RequestContext } from "../context";
import { cancelErasure, requestErasure, requestErasureCode } from "./commands";
import {
  CancelErasureRefusal,
  RequestErasureCodeRefusal,
  RequestErasureRefusal,
  erasurePartStatuses,
  erasureStatuses,
  type Erasure as ErasureRow,
  type ErasurePart as ErasurePartRow,
} from "./erasure";
import { certificate, erasure, erasureParts } from "./queries";

const ErasureStatus = Enum("ErasureStatus", "Where an erasure stands.", erasureStatuses);
const ErasurePartStatus = Enum(
  "ErasurePartStatus",
  "Where a service's part of an erasure stands.",
  erasurePartStatuses,
);

@ObjectType("ErasurePart", { description: "What one service has erased, and what it keeps." })
class ErasurePart {
  @Field(() => String, { description: "The service." })
  service!: string;

  @Field(() => ErasurePartStatus, { description: "Where its part stands." })
  status!: string;
}

@ObjectType("Erasure", { description: "The end of a person's account, and of what is kept of them." })
class Erasure {
  @Field(() => ID, { description: "Opaque; begins with era_." })
  id!: string;

  @Field(() => ErasureStatus, { description: "Where it stands." })
  status!: string;

  @Field(() => String, { nullable: true, description: "Why the person asked for it; gone once they are erased." })
  reason!: string | null;

  @Field(() => DateTime, { description: "When it was asked for." })
  requestedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When it was cancelled, or done." })
  endedAt!: Date | null;
}

@InputType("RequestErasureInput", { description: "Proof that it is the person, and why." })
class RequestErasureInput {
  @Field(() => String, { description: "The six digits that `requestErasureCode` has mailed." })
  verificationCode!: string;

  @Field(() => String, { nullable: true, description: "Why, up to 1,000 characters." })
  reason?: string | null;
}

@InputType("CancelErasureInput", { description: "Which erasure to cancel." })
class CancelErasureInput {
  @Field(() => String, { description: "The token that `requestErasure` has returned." })
  token!: string;
}

const RequestErasureCodePayload = Payload(
  "requestErasureCode",
  { expiresAt: { type: () => DateTime, description: "Until when the code can be used. It comes by mail." } },
  RequestErasureCodeRefusal,
);
const RequestErasurePayload = Payload(
  "requestErasure",
  {
    erasure: { type: () => Erasure, description: "The erasure, which is scheduled." },
    gracePeriodEnds: { type: () => DateTime, description: "When it will be done; until then it can be cancelled." },
    cancellationToken: {
      type: () => String,
      description: "Cancels it, and shows the certificate when nobody can sign in any more. Shown once.",
    },
  },
  RequestErasureRefusal,
);
const CancelErasurePayload = Payload(
  "cancelErasure",
  { erasure: { type: () => Erasure, description: "The erasure, which is cancelled." } },
  CancelErasureRefusal,
);

@Resolver(() => Erasure)
export class ErasureResolver {
  @Query(() => Erasure, {
    nullable: true,
    description: "An erasure that the caller has asked for, or that they have the token of.",
  })
  erasure(
    @Arg("id", () => ID, { description: "Which erasure." }) id: string,
    @Arg("token", () => String, {
      nullable: true,
      description: "Its cancellation token, for whoever can't sign in any more.",
    })
    token: string | null,
    @Ctx() ctx: RequestContext,
  ) {
    return erasure(
      ctx,
      requireId("era", id, "id"),
      token === null || token === undefined ? null : requireToken(token, "token"),
    );
  }

  @Mutation(() => RequestErasureCodePayload, {
    description: "Mails the caller a code of six digits that `requestErasure` asks for.",
  })
  async requestErasureCode(@Ctx() ctx: RequestContext) {
    const sent = await requestErasureCode(ctx);
    return toPayload(RequestErasureCodePayload, sent.ok ? ok(sent.value.expiresAt) : sent);
  }

  @Mutation(() => RequestErasurePayload, {
    description: "Schedules the erasure of the caller's account and of all that is kept of them, after days of grace.",
  })
  async requestErasure(
    @Arg("input", () => RequestErasureInput) input: RequestErasureInput,
    @Ctx() ctx: RequestContext,
  ) {
    const { verificationCode } = input;
    if (!/^\d{6}$/.test(verificationCode))
      throw badInput("input.verificationCode", "input.verificationCode must be six digits.");
    const reason =
      optionalText(input.reason, "input.reason", { lengthMin: 0, lengthMax: 1_000, multiline: true }) || null;
    const requested = await requestErasure(ctx, { verificationCode, reason });
    if (!requested.ok) return toPayload(RequestErasurePayload, requested);
    return toPayload(RequestErasurePayload, ok({ ...requested.value, gracePeriodEnds: requested.value.erasure.dueAt }));
  }

  @Mutation(() => CancelErasurePayload, { description: "Stops an erasure in its days of grace; nothing was erased." })
  async cancelErasure(@Arg("input", () => CancelErasureInput) input: CancelErasureInput, @Ctx() ctx: RequestContext) {
    return toPayload(
      CancelErasurePayload,
      await cancelErasure(ctx, { token: requireToken(input.token, "input.token") }),
    );
  }

  @FieldResolver(() => DateTime, { description: "When it is done; until then it can be cancelled." })
  gracePeriodEnds(@Root() { dueAt }: ErasureRow) {
    return dueAt;
  }

  @FieldResolver(() => [ErasurePart], { description: "What each service does; empty before it is due." })
  parts(@Root() root: ErasureRow, @Ctx() ctx: RequestContext) {
    return erasureParts(ctx, root);
  }

  @FieldResolver(() => JSONValue, {
    nullable: true,
    description: "What was erased, what stays and under which law, by service; null until it is done.",
  })
  certificate(@Root() root: ErasureRow, @Ctx() ctx: RequestContext) {
    return certificate(ctx, root);
  }
}

@Resolver(() => ErasurePart)
export class ErasurePartResolver {
  @FieldResolver(() => Int, { description: "How many records are gone, or no longer say whom they are of." })
  erased(@Root() { nouns }: ErasurePartRow) {
    return nouns.reduce((sum, noun) => sum + noun.erased, 0);
  }

  @FieldResolver(() => Int, { description: "How many records stay." })
  retained(@Root() { nouns }: ErasurePartRow) {
    return nouns.reduce((sum, noun) => sum + noun.retained, 0);
  }

  @FieldResolver(() => String, { nullable: true, description: "Under which law they stay; null where none does." })
  reason(@Root() { nouns }: ErasurePartRow) {
    return nouns.flatMap(({ law }) => law ?? []).join("\n") || null;
  }
}

function requireToken(token: string, field: string): string {
  if (!/^[A-Za-z0-9_-]{20,100}$/.test(token)) throw badInput(field, `${field} is not a token of an erasure.`);
  return token;
}
