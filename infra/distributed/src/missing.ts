export { missingServers } from "./servers";
