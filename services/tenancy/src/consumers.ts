import { organizationConsumers } from "./organization/handlers";

export const consumers = [...organizationConsumers];
