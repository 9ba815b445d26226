import { EntityStub } from "@atrium/schema-kit";

// What other services own; timelines refer to it by id.

export const User = EntityStub("User");
export type User = { id: string };
export const Organization = EntityStub("Organization");
export const Workspace = EntityStub("Workspace");
export const Project = EntityStub("Project");
export const KnowledgeBase = EntityStub("KnowledgeBase");
export const Document = EntityStub("Document");
export const Conversation = EntityStub("Conversation");
