// A small house for the gateway's tests: three services with real subgraphs, people with real tokens, and switches for
// everything that can go wrong.
import { buildSubgraphSchema } from "@apollo/subgraph";
import { actorKeyFor, isSignedIn, requirePermission, requireSignedIn, type Actor } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import { startSubgraph, type RequestFacts, type RunningSubgraph, type SubgraphOptions } from "@atrium/subgraph";
import { inProcessTopics } from "@atrium/topics";
import { parse } from "graphql";
import jwt, { type SignOptions } from "jsonwebtoken";
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import pino from "pino";
import {
  accessSourceOver,
  defaultTokens,
  httpClient,
  inProcessClient,
  startGateway,
  type GatewayOptions,
  type SubgraphClient,
} from "..";
import { composeSupergraph } from "../composition";

export const secret = "the secret of an installation that only exists in tests";

const federation = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])\n`;

export const schemas = {
  identity: `${federation}
    type Query { viewer: User, whoAsks: String! }
    type Mutation { rename(input: RenameInput!): User }
    input RenameInput { name: String!, tags: [String!] }
    type User @key(fields: "id") { id: ID!, name: String! }
  `,
  tenancy: `${federation}
    type Query { organization: Organization }
    type Organization { id: ID!, members(first: Int = 20): [User!]! }
    type User @key(fields: "id") { id: ID!, role: String }
  `,
  knowledge: `${federation}
    type Query { documents(first: Int = 20): [Document!]!, refused: Int, broken: Int, rude: Int, slow: Int }
    type Mutation { addDocument(title: String!): Document, slowly: Int }
    type Subscription { documentAdded: Document, failing: Int }
    type Document @key(fields: "id") { id: ID!, title: String!, author: User, parent: Document }
    type User @key(fields: "id", resolvable: false) { id: ID! }
  `,
};

export const supergraph = composeSupergraph(Object.entries(schemas).map(([name, sdl]) => ({ name, sdl }))).supergraph;

/** What tests see and steer. */
export class World {
  readonly liveSessions = new Set<string>();
  readonly permissions = new Map<string, string[]>();
  readonly apiKeys = new Map<string, object>();
  readonly keys = new Map<string, { privateKey: KeyObject; publicKey: KeyObject }>();
  readonly topics = inProcessTopics();
  readonly documents: { id: string; title: string }[] = [];
  /** Everything that a service was asked, with the facts it was given. */
  readonly asked: { service: string; field: string; facts: RequestFacts }[] = [];
  readonly internalCalls: { operation: string; input: unknown }[] = [];
  readonly uploads: { token: string; sizeBytes: number; sha256: string; actor: Actor; complete: boolean }[] = [];
  readonly lines: Record<string, unknown>[] = [];
  openSubscriptions = 0;
  /** Users and documents that their services don't know (any more), and documents that they refuse. */
  readonly unknown = new Set<string>();
  readonly forbidden = new Set<string>();
  accessIsDown = false;
  releaseSlow: () => void = () => {};
  /** While set, an upload is read only as fast as this lets it. */
  readGate: Promise<void> | null = null;
  bytesRead = 0;

  addKey(kid: string) {
    this.keys.set(kid, generateKeyPairSync("ec", { namedCurve: "P-256" }));
  }

  /** Signs somebody in: the token, and the session behind it. */
  signIn(
    userId: string,
    o: { organizationId?: string | null; permissions?: string[]; kind?: string } & SignOptions & { kid?: string } = {},
  ) {
    const { organizationId = "org_1", permissions = ["knowledge:*"], kind = "USER", kid = "key-1", ...options } = o;
    const sessionId = `ses_${userId}_${this.liveSessions.size}`;
    this.liveSessions.add(sessionId);
    if (organizationId !== null) this.permissions.set(memberKey(userId, organizationId), permissions);
    const workspace = organizationId === null ? null : "wsp_1";
    const token = this.token(
      { sub: userId, sid: sessionId, org: organizationId, ws: workspace, kind },
      { kid, ...options },
    );
    return { token, sessionId, userId };
  }

  token(claims: object, { kid = "key-1", ...options }: SignOptions & { kid?: string } = {}) {
    const { issuer, audience } = defaultTokens;
    const expiry = "exp" in claims ? {} : { expiresIn: 900 };
    return jwt.sign({ jti: "jti_1", ...claims }, this.keys.get(kid)!.privateKey, {
      algorithm: "ES256",
      keyid: kid,
      issuer,
      audience,
      ...expiry,
      ...options,
    });
  }
}

const memberKey = (userId: string, organizationId: string) => `${userId} ${organizationId}`;

async function startServices(world: World, log: pino.Logger): Promise<RunningSubgraph[]> {
  const seen = (service: string, field: string, facts: RequestFacts) =>
    void world.asked.push({ service, field, facts });
  const start = (name: keyof typeof schemas, resolvers: object, more: Partial<SubgraphOptions<RequestFacts>> = {}) => {
    const schema = buildSubgraphSchema([{ typeDefs: parse(schemas[name]), resolvers: resolvers as never }]);
    return startSubgraph<RequestFacts>({
      name,
      schema: { schema, sdl: schemas[name] } as never,
      personalData: { nouns: [] },
      context: (facts) => facts,
      readiness: { database: async () => {} },
      actorKey: actorKeyFor(name, secret),
      log,
      ...more,
    });
  };
  const internal = (operations: Record<string, (input: never) => unknown>) =>
    Object.fromEntries(
      Object.entries(operations).map(([operation, answer]) => [
        operation,
        async (input: unknown) => {
          if (world.accessIsDown) throw new Error("connection to postgres://identity_app@db refused");
          world.internalCalls.push({ operation, input });
          return answer(input as never);
        },
      ]),
    );

  const identity = await start(
    "identity",
    {
      Query: {
        viewer: (_: unknown, __: unknown, facts: RequestFacts) => {
          seen("identity", "viewer", facts);
          return isSignedIn(facts.actor) ? { id: facts.actor.userId, name: "Ada" } : null;
        },
        whoAsks: (_: unknown, __: unknown, facts: RequestFacts) => JSON.stringify(facts.actor),
      },
      Mutation: {
        rename: (_: unknown, { input }: { input: { name: string } }, { actor }: RequestFacts) => ({
          id: requireSignedIn(actor).userId,
          name: input.name,
        }),
      },
      User: {
        __resolveReference: ({ id }: { id: string }) => (world.unknown.has(id) ? null : { id, name: `Name of ${id}` }),
      },
    },
    {
      internal: internal({
        signingKeys: () => ({
          keys: [...world.keys].map(([kid, { publicKey }]) => ({
            ...publicKey.export({ format: "jwk" }),
            kid,
            alg: "ES256",
            use: "sig",
          })),
        }),
        liveSessions: ({ sessionIds }: { sessionIds: string[] }) => ({
          liveSessionIds: sessionIds.filter((id) => world.liveSessions.has(id)),
        }),
        apiKeys: ({ secrets }: { secrets: string[] }) => ({
          apiKeys: secrets.map((key) => world.apiKeys.get(key) ?? null),
        }),
      }),
      routes: [
        {
          method: "GET",
          path: "/.well-known/jwks.json",
          handle: (_, { response }) => {
            response.setHeader("content-type", "application/json");
            response.setHeader("cache-control", "public, max-age=60");
            response.end(JSON.stringify({ keys: [...world.keys.keys()] }));
          },
        },
      ],
    },
  );

  const tenancy = await start(
    "tenancy",
    {
      Query: {
        organization: (_: unknown, __: unknown, { actor }: RequestFacts) => ({
          id: requireSignedIn(actor).organizationId,
        }),
      },
      Organization: { members: () => [{ id: "usr_ada" }, { id: "usr_bob" }] },
      User: { __resolveReference: ({ id }: { id: string }) => ({ id, role: "editor" }) },
    },
    {
      internal: internal({
        memberPermissions: ({ members }: { members: { userId: string; organizationId: string }[] }) => ({
          permissions: members.map(
            ({ userId, organizationId }) => world.permissions.get(memberKey(userId, organizationId)) ?? null,
          ),
        }),
      }),
    },
  );

  const document = (id: string, title: string) => ({
    id,
    title,
    author: { id: "usr_bob" },
    parent: { id: "doc_0", title: "Root" },
  });
  const knowledge = await start(
    "knowledge",
    {
      Query: {
        documents: (_: unknown, __: unknown, facts: RequestFacts) => {
          seen("knowledge", "documents", facts);
          requirePermission(facts.actor, "knowledge:read");
          return [document("doc_1", "One"), document("doc_2", "Two")];
        },
        refused: () => {
          throw new PublicError("NOT_FOUND", "No document doc_9 in this workspace.", { field: "id" });
        },
        broken: () => {
          throw new Error("duplicate key value violates unique constraint document_title_key");
        },
        rude: () => 1,
        slow: (_: unknown, __: unknown, facts: RequestFacts) => {
          seen("knowledge", "slow", facts);
          return new Promise((resolve) => (world.releaseSlow = () => resolve(1)));
        },
      },
      Mutation: {
        addDocument: (_: unknown, { title }: { title: string }, { actor }: RequestFacts) => {
          requirePermission(actor, "knowledge:write");
          const added = document(`doc_${world.documents.length + 3}`, title);
          world.documents.push(added);
          world.topics.publish("documentAdded", added);
          return added;
        },
        slowly: (_: unknown, __: unknown, facts: RequestFacts) => {
          seen("knowledge", "slowly", facts);
          return new Promise((resolve) => (world.releaseSlow = () => resolve(1)));
        },
      },
      Subscription: {
        documentAdded: {
          subscribe: (_: unknown, __: unknown, { actor, signal }: RequestFacts) => {
            requirePermission(actor, "knowledge:read");
            world.openSubscriptions++;
            signal.addEventListener("abort", () => world.openSubscriptions--, { once: true });
            return world.topics.subscribe("documentAdded", { signal });
          },
          resolve: (event: unknown) => event,
        },
        failing: {
          subscribe: () => {
            throw new Error("select * from secret");
          },
        },
      },
      Document: {
        __resolveReference: ({ id }: { id: string }, facts: RequestFacts) => {
          seen("knowledge", `Document ${id}`, facts);
          requireSignedIn(facts.actor);
          if (world.forbidden.has(id)) throw new PublicError("FORBIDDEN", "This document isn't yours.");
          return world.unknown.has(id) ? null : document(id, "By reference");
        },
      },
    },
    {
      routes: [
        {
          method: "PUT",
          path: "/uploads/:token",
          async handle(_, { request, response, params, actor }) {
            const hash = createHash("sha256");
            const upload = { token: params["token"]!, sizeBytes: 0, sha256: "", actor, complete: false };
            world.uploads.push(upload);
            if (upload.token === "too-large")
              throw new PublicError("PAYLOAD_TOO_LARGE", "This file is bigger than was said.");
            for await (const chunk of request as AsyncIterable<Buffer>) {
              if (world.readGate) await world.readGate;
              upload.sizeBytes += chunk.length;
              hash.update(chunk);
            }
            upload.complete = request.complete;
            upload.sha256 = hash.digest("hex");
            response.writeHead(201, { "content-type": "application/json" });
            response.end(JSON.stringify({ sizeBytes: upload.sizeBytes, sha256: upload.sha256 }));
          },
        },
        {
          method: "GET",
          path: "/files/:token",
          async handle(_, { response, params }) {
            if (params["token"] !== "report")
              throw new PublicError("NOT_FOUND", "No such file, or its link has expired.");
            response.writeHead(200, {
              "content-type": "text/plain",
              "content-disposition": 'attachment; filename="report.txt"',
            });
            response.end("the report");
          },
        },
      ],
    },
  );
  return [identity, tenancy, knowledge];
}

export type House = Awaited<ReturnType<typeof startHouse>>;

/** Starts the services, in this process or each behind its own port, and a gateway before them. */
export async function startHouse({
  shape = "embedded",
  ...options
}: Partial<GatewayOptions> & { shape?: "embedded" | "distributed" } = {}) {
  const world = new World();
  world.addKey("key-1");
  const collect = new Writable({
    write(chunk, _encoding, done) {
      world.lines.push(JSON.parse(String(chunk)) as Record<string, unknown>);
      done();
    },
  });
  const log = pino({ level: "debug" }, collect);
  const services = await startServices(world, log);
  const servers = new Map<string, Server>();
  const startServer = async (service: RunningSubgraph, port = 0): Promise<number> => {
    const server = createServer((request, response) => service.handle(request, response));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    servers.set(service.name, server);
    return (server.address() as AddressInfo).port;
  };
  const ports = new Map<string, number>();
  const clients = await Promise.all(
    services.map(async (service): Promise<SubgraphClient> => {
      if (shape === "embedded") return inProcessClient(service, { secret });
      ports.set(service.name, await startServer(service));
      const url = `http://127.0.0.1:${ports.get(service.name)}`;
      return httpClient({ name: service.name, url, secret, log });
    }),
  );
  const [identity, tenancy] = clients;
  const gateway = await startGateway({
    subgraphs: clients,
    accessSource: accessSourceOver({ identity: identity!, tenancy: tenancy! }),
    supergraph,
    port: 0,
    host: "127.0.0.1",
    log,
    processMetrics: false,
    ...options,
  });
  const stopServer = async (name: string) => {
    const server = servers.get(name);
    if (!server) return;
    servers.delete(name);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };

  return {
    world,
    gateway,
    services: new Map(services.map((service) => [service.name, service])),
    url: gateway.url,
    endpoint: `${gateway.url}/graphql`,
    socketUrl: `${gateway.url.replace("http", "ws")}/graphql`,
    /** The process of one service dies. */
    stopServer,
    /** It is started again, at the same address. */
    async restartServer(name: string) {
      await startServer(
        services.find((service) => service.name === name)!,
        ports.get(name),
      );
    },
    async post(
      query: string,
      o: { token?: string; variables?: object; headers?: Record<string, string>; operationName?: string } = {},
    ) {
      const { token, variables, operationName, headers } = o;
      const response = await fetch(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }), ...headers },
        body: JSON.stringify({ query, variables, operationName }),
      });
      const body = (await response.json()) as {
        data?: Record<string, unknown> | null;
        errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> }[];
      };
      return { status: response.status, headers: response.headers, ...body };
    },
    async close() {
      await gateway.stop();
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(services.map((service) => service.stop()));
      await Promise.all([...servers.keys()].map(stopServer));
    },
  };
}

export async function eventually(condition: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<void> {
  for (const startedAt = Date.now(); !(await condition());) {
    if (Date.now() - startedAt > withinMs) throw new Error(`It didn't happen within ${withinMs} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
