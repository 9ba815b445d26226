export { GraphQLClient, GraphQLRequestFailed, type GraphQLResponse, type Subscription } from "./graphql-client";
export {
  shapeOfThisRun,
  startAtrium,
  temporaryData,
  type Atrium,
  type AtriumOptions,
  type DataDirectory,
  type Shape,
} from "./atrium";
export { allProcesses, killAll, processesOf, type RunningProcess } from "./processes";
export { signedUp, guest, type Caller } from "./people";
export * from "./knowledge";
export * from "./chat";
export { openHandles, waitFor } from "./leaks";
