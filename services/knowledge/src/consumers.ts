import { documentConsumers } from "./document/handlers";

export const consumers = [...documentConsumers];
