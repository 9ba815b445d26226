import { handleEvery } from "@atrium/events";
import type { Context } from "../context";
import { recordEvents } from "./commands";

export const recordingConsumers = [handleEvery((ctx: Context, envelopes) => recordEvents(ctx, envelopes))];
