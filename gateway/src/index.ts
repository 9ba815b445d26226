export { startGateway, defaultTokens, type GatewayOptions, type RunningGateway } from "./gateway";
export { accessSourceOver, type AccessSource, type ApiKey, type SigningKey, type TokenClaims } from "./access-source";
export { inProcessClient } from "./in-process-client";
export { operationsSettings } from "./settings";
export { httpClient } from "./http-client";
export type { RouteCaller, SubgraphClient } from "./subgraph-client";
export { defaultLimits, type LimitOverrides, type Limits } from "./limits";
export { serviceRoutes, type ServiceRoute } from "./http/service-routes";
