export * from "./activity";
export * from "./chat";
export * from "./identity";
export * from "./knowledge";
export * from "./privacy";
export * from "./tenancy";
