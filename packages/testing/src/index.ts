export { GraphQLClient, GraphQLRequestFailed, type GraphQLResponse, type Subscription } from "./graphql-client";
export { startAtrium, temporaryData, type Atrium, type AtriumOptions, type DataDirectory } from "./atrium";
export { signedUp, guest, type Caller } from "./people";
export * from "./knowledge";
export * from "./chat";
export { openHandles, waitFor } from "./leaks";
