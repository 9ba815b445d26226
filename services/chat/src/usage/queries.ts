import { requirePermission, requireWorkspace } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import { countMessages, usageOfTiers } from "./store";
import { periodDaysMax, type Usage } from "./usage";

/** What the actor's workspace asked and was answered from `from` to before `to`, counted from the messages themselves. */
export async function tierReport(
  { actor, db }: Context,
  period: { from: Date; to: Date; chatbotId: string | null },
): Promise<Usage> {
  requirePermission(actor, "analytics:read");
  requireWorkspace(actor);
  const days = (period.to.getTime() - period.from.getTime()) / 86_400_000;
  if (days <= 0 || days > periodDaysMax)
    throw new PublicError("BAD_USER_INPUT", `to must be after from, by at most ${periodDaysMax} days.`, {
      field: "to",
    });
  const [counts, tiers] = await Promise.all([countMessages(db, period), usageOfTiers(db, period)]);
  return { ...counts, tiers };
}
