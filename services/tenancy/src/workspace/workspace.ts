/** A part of an organization in which people work together; what they make there belongs to it. */
export interface Workspace {
  id: string;
  organizationId: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

/** What the workspace is called that every organization begins with. */
export const firstWorkspaceName = "General";
