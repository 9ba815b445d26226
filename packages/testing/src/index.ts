export { GraphQLClient, GraphQLRequestFailed, type GraphQLResponse, type Subscription } from "./graphql-client";
export { startAtrium, type Atrium, type AtriumOptions } from "./atrium";
export { signedUp, guest, type Caller } from "./people";
export { openHandles, waitFor } from "./leaks";
