import { documentConsumers } from "./document/handlers";
import { knowledgeBaseConsumers } from "./knowledge-base/handlers";

export const consumers = [...documentConsumers, ...knowledgeBaseConsumers];
