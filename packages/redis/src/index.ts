export { connectRedis, databaseOf, whenReady, type Redis } from "./connect";
