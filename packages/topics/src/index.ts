export { inProcessTopics, type InProcessTopics } from "./in-process";
export { redisTopics, type RedisTopics, type RedisTopicsOptions } from "./redis";
export { TopicOverflowError, TopicsInterrupted, type SubscribeOptions, type Topics } from "./topics";
