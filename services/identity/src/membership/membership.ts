/** That a user belongs to an organization or, with `workspaceId`, to a workspace of it. */
export interface Membership {
  /** Tenancy's id of it. */
  id: string;
  userId: string;
  organizationId: string;
  workspaceId: string | null;
}
