import { randomUUID } from "node:crypto";
import type { Atrium } from "./atrium";
import type { GraphQLClient } from "./graphql-client";

/** Somebody who is signed in, and the client that speaks in their name. */
export interface Caller {
  client: GraphQLClient;
  userId: string;
  email: string | null;
  password: string | null;
  refreshToken: string;
  organizationId: string | null;
  workspaceId: string | null;
}

const authentication = `
  accessToken
  refreshToken
  viewer { id organization { id } workspace { id } }
  userErrors { code message path }
`;

interface Authentication {
  accessToken: string | null;
  refreshToken: string | null;
  viewer: { id: string; organization: { id: string } | null; workspace: { id: string } | null } | null;
  userErrors: { code: string; message: string }[];
}

/** Somebody new, signed up through the endpoint, standing in their first organization and workspace. */
export async function signedUp(atrium: Atrium, name = "A person"): Promise<Caller> {
  const email = `${randomUUID()}@example.com`;
  const password = `Aa1!${randomUUID()}`;
  const { signUp } = await atrium
    .client()
    .ask<{ signUp: Authentication }>(
      `mutation SignUp($input: SignUpInput!) { signUp(input: $input) { ${authentication} } }`,
      { input: { email, password, name } },
    );
  return caller(atrium, await standing(atrium, signUp), { email, password });
}

/** On a busy machine the first organization may come after the answer; a refresh finds it. */
async function standing(atrium: Atrium, signedIn: Authentication): Promise<Authentication> {
  let now = signedIn;
  for (const deadline = Date.now() + 30_000; now.refreshToken && !now.viewer?.workspace && Date.now() < deadline;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { refreshSession } = await atrium
      .client()
      .ask<{ refreshSession: Authentication }>(
        `mutation RefreshSession($token: String!) { refreshSession(input: { refreshToken: $token }) { ${authentication} } }`,
        { token: now.refreshToken },
      );
    now = refreshSession;
  }
  return now;
}

/** A visitor without an account. */
export async function guest(atrium: Atrium): Promise<Caller> {
  const { signInAsGuest } = await atrium
    .client()
    .ask<{ signInAsGuest: Authentication }>(`mutation SignInAsGuest { signInAsGuest { ${authentication} } }`);
  return caller(atrium, signInAsGuest, { email: null, password: null });
}

function caller(
  atrium: Atrium,
  { accessToken, refreshToken, viewer, userErrors }: Authentication,
  { email, password }: { email: string | null; password: string | null },
): Caller {
  if (!accessToken || !refreshToken || !viewer)
    throw new Error(`Signing in was refused: ${JSON.stringify(userErrors)}`);
  return {
    client: atrium.client(accessToken),
    userId: viewer.id,
    email,
    password,
    refreshToken,
    organizationId: viewer.organization?.id ?? null,
    workspaceId: viewer.workspace?.id ?? null,
  };
}
