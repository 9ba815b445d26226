import { membershipConsumers } from "./membership/handlers";

/** What this service hears. */
export const consumers = [...membershipConsumers];
