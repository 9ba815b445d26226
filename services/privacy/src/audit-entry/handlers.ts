import { handleEvery, type Consumer } from "@atrium/events";
import type { Context } from "../context";
import { recordEvents } from "./record";

export const auditConsumers: Consumer<Context>[] = [
  handleEvery((ctx: Context, envelopes) => recordEvents(ctx, envelopes)),
];
