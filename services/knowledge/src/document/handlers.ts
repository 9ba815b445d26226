import { documentUploaded, handleTogether } from "@atrium/events";
import { startIngestion } from "./commands";

export const documentConsumers = [handleTogether(documentUploaded, startIngestion)];
