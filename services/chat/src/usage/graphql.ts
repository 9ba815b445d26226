import { Arg, Ctx, DateTime, Field, Float, ID, Int, ObjectType, Query, Resolver, requireId } from "@atrium/schema-kit";
import type { RequestContext } from "../context";
import { tierReport } from "./queries";

@ObjectType("TierUsage", { description: "The answers of one tier within a time." })
class TierUsage {
  @Field(() => Int, { description: "1: without a model; 2: with a fast one; 3: with a strong one." })
  tier!: number;

  @Field(() => Int, { description: "How many answers it gave." })
  answerCount!: number;

  @Field(() => Int, { description: "How many of them said that the documents don't hold an answer." })
  refusalCount!: number;

  @Field(() => Float, { description: "What they cost together, in millionths of the installation's currency." })
  costMicros!: number;

  @Field(() => Float, { description: "The median time from message to answer, in milliseconds." })
  latencyMsMedian!: number;

  @Field(() => Float, { description: "The time from message to answer that 95 of 100 stay under, in milliseconds." })
  latencyMsP95!: number;
}

@ObjectType("TierReport", { description: "How a workspace's messages were answered within a time." })
class TierReport {
  @Field(() => Int, { description: "How many messages were accepted." })
  messageCount!: number;

  @Field(() => Int, { description: "In how many conversations." })
  conversationCount!: number;

  @Field(() => [TierUsage], { description: "Each tier that answered, cheapest first." })
  tiers!: TierUsage[];
}

@Resolver()
export class UsageResolver {
  @Query(() => TierReport, {
    nullable: true,
    description: "How the messages of the caller's workspace were answered: tiers, cost and time.",
  })
  tierReport(
    @Arg("from", () => DateTime, { description: "From when on." }) from: Date,
    @Arg("to", () => DateTime, { description: "Until before when." }) to: Date,
    @Arg("chatbotId", () => ID, { nullable: true, description: "Of this bot alone." }) chatbotId: string | null,
    @Ctx() ctx: RequestContext,
  ) {
    return tierReport(ctx, { from, to, chatbotId: chatbotId ? requireId("bot", chatbotId, "chatbotId") : null });
  }
}
