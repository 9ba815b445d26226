import { handle, personalDataExportedOf, type Consumer } from "@atrium/events";
import { askedServices } from "../asked-services";
import type { Context } from "../context";
import { receiveExportPart } from "./commands";

export const exportConsumers: Consumer<Context>[] = askedServices.map((service) =>
  handle(
    personalDataExportedOf(service),
    (ctx: Context, { exportId, userId, parts: nouns }) => receiveExportPart(ctx, { exportId, userId, service, nouns }),
    { as: "service" },
  ),
);
