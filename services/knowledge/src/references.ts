import { EntityStub } from "@atrium/schema-kit";

/** People belong to identity. */
export const User = EntityStub("User");
export type User = { id: string };
