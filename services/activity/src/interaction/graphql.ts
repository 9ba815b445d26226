import { ok } from "@atrium/errors";
import {
  Arg,
  badInput,
  Ctx,
  DateTime,
  Enum,
  Field,
  InputType,
  Int,
  Mutation,
  Payload,
  requireInteger,
  requireText,
  Resolver,
  toPayload,
} from "@atrium/schema-kit";
import type { RequestContext } from "../context";
import { recordInteractions } from "./commands";
import { batchMax, futureMsMax, InteractionKind, pastMsMax, targetForm, type Interaction } from "./interaction";

const Kind = Enum("InteractionKind", "What somebody did in the user interface.", InteractionKind);

@InputType("InteractionInput", { description: "Something that was done in the user interface." })
class InteractionInput {
  @Field(() => Kind, { description: "What was done." })
  kind!: InteractionKind;

  @Field(() => String, {
    description: "Where, in the front end's own words: up to 100 small letters, digits, dots, colons, dashes. No data.",
  })
  target!: string;

  @Field(() => DateTime, { description: "When: within the last day." })
  at!: Date;

  @Field(() => Int, { nullable: true, description: "How long it took, up to a day." })
  durationMs?: number | null;
}

@InputType("RecordInteractionsInput", { description: "What was done in the user interface since the last batch." })
class RecordInteractionsInput {
  @Field(() => String, {
    description: "Names the batch, so that it may be sent again: 16 to 64 letters, digits or dashes, made at random.",
  })
  batchId!: string;

  @Field(() => [InteractionInput], { description: `What was done, ${batchMax} at the most.` })
  interactions!: InteractionInput[];
}

const RecordInteractionsPayload = Payload("recordInteractions", {
  counted: { type: () => Int, description: "How many were counted; none of a batch that was sent before." },
  detailKept: {
    type: () => Boolean,
    description: "Whether more than coarse numbers was kept: only of people who agree to analytics.",
  },
});

@Resolver()
export class InteractionResolver {
  @Mutation(() => RecordInteractionsPayload, {
    description:
      "Counts what was done in the user interface. Who did it is kept only if they agree to analytics, as long as they do.",
  })
  async recordInteractions(
    @Arg("input", () => RecordInteractionsInput) { batchId, interactions }: RecordInteractionsInput,
    @Ctx() ctx: RequestContext,
  ) {
    if (!/^[A-Za-z0-9-]{16,64}$/.test(batchId))
      throw badInput("input.batchId", "input.batchId takes 16 to 64 letters, digits or dashes.");
    if (interactions.length < 1 || interactions.length > batchMax)
      throw badInput("input.interactions", `input.interactions takes 1 to ${batchMax} entries.`);
    const now = ctx.now().getTime();
    const checked = interactions.map((each, i): Interaction =>
      checkedInteraction(each, `input.interactions.${i}`, now),
    );
    return toPayload(RecordInteractionsPayload, ok(await recordInteractions(ctx, { batchId, interactions: checked })));
  }
}

function checkedInteraction({ kind, target, at, durationMs }: InteractionInput, field: string, now: number) {
  const age = now - at.getTime();
  if (age > pastMsMax || age < -futureMsMax) throw badInput(`${field}.at`, `${field}.at must be within the last day.`);
  if (!targetForm.test(requireText(target, `${field}.target`, { lengthMax: 100 })))
    throw badInput(`${field}.target`, `${field}.target takes small letters, digits, dots, colons and dashes.`);
  const duration =
    durationMs === null || durationMs === undefined
      ? null
      : requireInteger(durationMs, `${field}.durationMs`, { min: 0, max: pastMsMax });
  return { kind, target, at, durationMs: duration };
}
