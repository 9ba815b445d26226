import { handle, personalDataErasedOf, type Consumer } from "@atrium/events";
import { askedServices } from "../asked-services";
import type { Context } from "../context";
import { receiveErasedPart } from "./progress";

export const erasureConsumers: Consumer<Context>[] = askedServices.map((service) =>
  handle(
    personalDataErasedOf(service),
    (ctx: Context, { erasureId, userId, nouns }) => receiveErasedPart(ctx, { erasureId, userId, service, nouns }),
    { as: "service" },
  ),
);
