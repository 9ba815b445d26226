import DataLoader from "dataloader";
import { z } from "zod";
import type { SubgraphClient } from "./subgraph-client";

/** The claims of an access token that identity signed. */
export interface TokenClaims {
  userId: string;
  sessionId: string;
  organizationId: string | null;
  workspaceId: string | null;
  kind: "USER" | "GUEST";
  expiresAt: Date;
}

export interface ApiKey {
  id: string;
  userId: string;
  organizationId: string;
  workspaceId: string | null;
  permissions: readonly string[];
}

export interface SigningKey {
  kid: string;
  [member: string]: unknown;
}

/**
 * What the gateway must know to say who a caller is, as it stands at the moment of the question: nothing here may answer
 * from a cache, or a revoked session and a changed role would live on in it.
 */
export interface AccessSource {
  /** The public keys whose tokens count. */
  signingKeys(): Promise<readonly SigningKey[]>;
  /** Whether the token's session still lives. */
  session(claims: Pick<TokenClaims, "sessionId">): Promise<boolean>;
  /** Null for a key that is unknown, revoked or expired. */
  apiKey(secret: string): Promise<ApiKey | null>;
  /** What this user may do there; null where they don't belong (any more). */
  permissions(userId: string, organizationId: string, workspaceId: string | null): Promise<readonly string[] | null>;
}

const answers = {
  signingKeys: z.object({ keys: z.array(z.looseObject({ kid: z.string() })) }),
  liveSessions: z.object({ liveSessionIds: z.array(z.string()) }),
  apiKeys: z.object({
    apiKeys: z.array(
      z
        .object({
          id: z.string(),
          userId: z.string(),
          organizationId: z.string(),
          workspaceId: z.string().nullable(),
          permissions: z.array(z.string()),
        })
        .nullable(),
    ),
  }),
  memberPermissions: z.object({ permissions: z.array(z.array(z.string()).nullable()) }),
};

interface Member {
  userId: string;
  organizationId: string;
  workspaceId: string | null;
}

/** Asks identity and tenancy by their internal operations; the questions of one turn of the event loop go out as one. */
export function accessSourceOver({
  identity,
  tenancy,
}: {
  identity: SubgraphClient;
  tenancy: SubgraphClient;
}): AccessSource {
  const sessions = batchedPerTurn(async (sessionIds: readonly string[]) => {
    const answer = answers.liveSessions.parse(await identity.internal("liveSessions", { sessionIds }));
    const live = new Set(answer.liveSessionIds);
    return sessionIds.map((sessionId) => live.has(sessionId));
  });
  const apiKeys = batchedPerTurn(async (secrets: readonly string[]) => {
    return answers.apiKeys.parse(await identity.internal("apiKeys", { secrets })).apiKeys;
  });
  const permissions = batchedPerTurn(
    async (members: readonly Member[]) =>
      answers.memberPermissions.parse(await tenancy.internal("memberPermissions", { members })).permissions,
    (member) => JSON.stringify([member.userId, member.organizationId, member.workspaceId]),
  );
  return {
    signingKeys: async () => answers.signingKeys.parse(await identity.internal("signingKeys", {})).keys,
    session: ({ sessionId }) => sessions.load(sessionId),
    apiKey: (secret) => apiKeys.load(secret),
    permissions: (userId, organizationId, workspaceId) => permissions.load({ userId, organizationId, workspaceId }),
  };
}

/**
 * Equal questions within one turn of the event loop are asked once, and forgotten as soon as they are asked. A turn has
 * all requests that had arrived when it began: the busier the gateway, the more of them share one question.
 */
function batchedPerTurn<Key, Value>(
  ask: (keys: readonly Key[]) => Promise<readonly Value[]>,
  keyOf?: (key: Key) => unknown,
): DataLoader<Key, Value, unknown> {
  const loader: DataLoader<Key, Value, unknown> = new DataLoader(
    (keys: readonly Key[]) => {
      loader.clearAll();
      return ask(keys);
    },
    { maxBatchSize: 500, batchScheduleFn: (ask) => setImmediate(ask), ...(keyOf && { cacheKeyFn: keyOf }) },
  );
  return loader;
}
