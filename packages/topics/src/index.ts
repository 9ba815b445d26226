export { inProcessTopics, type InProcessTopics } from "./in-process";
export { TopicOverflowError, type SubscribeOptions, type Topics } from "./topics";
