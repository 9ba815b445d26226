import { documentUploaded, handle } from "@atrium/events";
import type { Context } from "../context";
import { startIngestion } from "./commands";

export const documentConsumers = [
  handle(documentUploaded, (ctx: Context, { documentId }) => startIngestion(ctx, { documentId })),
];
