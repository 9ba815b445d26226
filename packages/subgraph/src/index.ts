export type {
  InternalOperation,
  OperationRequest,
  Readiness,
  RequestFacts,
  RunningSubgraph,
  Subgraph,
} from "./operation";
export { truncatedAddress } from "./cause";
export { continueAsExtension } from "./operation";
export type { Platform } from "./platform";
export { defaultOperationLimits, operationLimits, type OperationLimits } from "./operation-limits";
export { describeFault, maskError, maskResult } from "./masking";
export { requestLine, type Exchange, type Route, type RouteName } from "./routes";
export { readBody, statusOf } from "./http";
export type { ServiceGauge } from "./metrics";
export { startSubgraph, type SubgraphOptions } from "./start-subgraph";
export { currentTraceparent, startTelemetry } from "./telemetry";
export { sharedSettings } from "./distributed-platform";
export { createLog } from "./log";
export { SharedEvent } from "./shared-event";
export { connectSubgraph, type RemoteSubgraph } from "./connect-subgraph";
export { ReplicaPools, Replicas } from "./replicas";
export { checkSettingsExample, parseSettings, SettingsError, settingsExample } from "./settings";
export { processSettings, runAlone, serveAlone, underParent } from "./run-alone";
