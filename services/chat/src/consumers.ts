import { chatbotConsumers } from "./chatbot/handlers";

export const consumers = [...chatbotConsumers];
