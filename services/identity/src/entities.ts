import { EntityStub } from "@atrium/schema-kit";

// Tenancy owns both.
export const Organization = EntityStub("Organization");
export const Workspace = EntityStub("Workspace");
