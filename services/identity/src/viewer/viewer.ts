/** The caller as it sees itself. A sign-in makes one before the gateway has seen its token. */
export interface Viewer {
  readonly user: { readonly id: string; readonly kind: "USER" | "GUEST"; readonly name: string };
  readonly kind: "USER" | "GUEST" | "API_KEY";
  /** The session, or the API key. */
  readonly sessionId: string;
  readonly organizationId: string | null;
  readonly workspaceId: string | null;
  /** Null where tenancy has yet to be asked. */
  readonly permissions: readonly string[] | null;
}
