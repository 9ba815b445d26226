import { EntityStub } from "@atrium/schema-kit";

/** People belong to identity, workspaces to tenancy. */
export const User = EntityStub("User");
export type User = { id: string };

export const Workspace = EntityStub("Workspace");
export type Workspace = { id: string };

/** A person who may still be there. */
export const userOf = (id: string | null): User | null => (id?.startsWith("usr_") ? { id } : null);
