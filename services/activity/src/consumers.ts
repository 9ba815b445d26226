import { consentConsumers } from "./consent/handlers";
import { recordingConsumers } from "./recording/handlers";

export const consumers = [...recordingConsumers, ...consentConsumers];
