export type { EphemeralStore, RateLimit, RateLimitAnswer } from "./ephemeral-store";
export { postgresEphemeral, type PostgresEphemeral } from "./postgres";
export { redisEphemeral, type RedisEphemeral } from "./redis";
