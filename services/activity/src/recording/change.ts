/** Where replicas tell each other that an organization's numbers have changed. */
export const changeTopic = (organizationId: string): string => `activity:changed:${organizationId}`;

export interface Changed {
  /** Which workspaces; empty for what belongs to none. */
  workspaceIds: string[];
}
