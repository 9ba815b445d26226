import { documentUploaded, handle } from "@atrium/events";
import { startIngestion } from "./commands";

export const documentConsumers = [handle(documentUploaded, startIngestion)];
