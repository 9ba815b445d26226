import { anonymous, type Actor } from "@atrium/access";
import { mask, PublicError } from "@atrium/errors";
import { describeFault } from "@atrium/subgraph";
import { randomBytes } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Metrics } from "../metrics";
import type { ServedGraph } from "../served-graph";
import type { SubgraphClient } from "../subgraph-client";
import { inSpan } from "../tracing";
import { sendError, sendJson, sendText, setStandardHeaders } from "./answer";
import { BodyTimeout, ClientGone } from "./body";
import { answerCors, type Cors } from "./cors";
import { explorerPage, explorerPolicy } from "./explorer";
import { answerGraphQL, type GraphQLRoute } from "./graphql-route";
import { clientAddressOf, credentialsOf, pathOf, requestIdOf, stripInternalHeaders } from "./incoming";
import { lingerOver } from "./linger";
import { rootPage, rootPagePolicy } from "./root-page";
import { findServiceRoute, serviceRoutes } from "./service-routes";

export interface Front extends GraphQLRoute {
  /** The graph and its contracts by their paths. */
  at: ReadonlyMap<string, ServedGraph>;
  subgraphs: ReadonlyMap<string, SubgraphClient>;
  cors: Cors;
  /** Whether a browser gets the explorer at /graphql. */
  explorer: boolean;
  version: string;
  metrics: Metrics;
  /** The whole text of /metrics. */
  metricsText(): Promise<string>;
  /** When set, /metrics needs it as a bearer token. */
  mayReadMetrics(authorization: string | undefined): boolean;
  readiness(): Promise<{ ready: boolean; checks: Record<string, unknown> }>;
  isStopping(): boolean;
  log: Logger;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  path: string;
  requestId: string;
  log: Logger;
}

interface Route {
  /** The name under which it is logged and counted: never the path itself, which may hold a token. */
  name: string;
  methods: readonly string[];
  answer(exchange: Exchange): Promise<void> | void;
}

/** The one listener behind the port: headers, CORS, routes, errors, the log line. */
export function createFront(front: Front): RequestListener {
  const routes = ownRoutes(front);

  return (request, response) => {
    const startedAt = performance.now();
    stripInternalHeaders(request);
    const requestId = requestIdOf(request);
    request.headers["x-request-id"] = requestId;
    const log = front.log.child({ requestId });
    setStandardHeaders(response, requestId);
    if (front.isStopping()) response.setHeader("connection", "close");

    response.once("finish", () => lingerOver(request));

    let routeName = "none";
    response.once("close", () => {
      const durationMs = Math.round(performance.now() - startedAt);
      const status = response.writableFinished ? response.statusCode : 499;
      const method = knownMethods.has(request.method!) ? request.method! : "other";
      front.metrics.requestAnswered(routeName, method, status);
      const isProbe = routeName === "/health" || routeName === "/ready" || routeName === "/metrics";
      log[isProbe ? "debug" : "info"]({ method, route: routeName, status, durationMs }, "Request.");
    });

    const run = async () => {
      const path = pathOf(request);
      const route = routes.get(path) ?? serviceRoute(front, path);
      routeName = route?.name ?? "none";
      if (answerCors(request, response, front.cors)) return;
      if (!route) throw new PublicError("NOT_FOUND", "There is nothing at this address.");
      if (!route.methods.includes(request.method!)) {
        response.setHeader("allow", route.methods.join(", "));
        const error = new PublicError("BAD_USER_INPUT", `Only ${route.methods.join(" and ")} work here.`, {
          field: "method",
        });
        return sendError(request, response, error, 405);
      }
      await inSpan(`${request.method} ${route.name}`, request, async () =>
        route.answer({ request, response, path, requestId, log }),
      );
    };
    run().catch((error: unknown) => answerFault({ request, response, log }, error));
  };
}

const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

async function answerFault(
  { request, response, log }: Pick<Exchange, "request" | "response" | "log">,
  thrown: unknown,
) {
  try {
    if (thrown instanceof ClientGone || response.destroyed) return void response.destroy();
    if (response.headersSent) return void response.destroy();
    if (thrown instanceof BodyTimeout)
      return await sendError(
        request,
        response,
        new PublicError("BAD_USER_INPUT", thrown.message, { field: "body" }),
        408,
      );
    if (thrown instanceof PublicError) return await sendError(request, response, thrown);
    const { message, extensions } = mask(thrown, (faultId, err) =>
      log.error({ faultId, fault: describeFault(err) }, "A fault was masked."),
    );
    await sendJson(request, response, 500, { errors: [{ message, extensions }] });
  } catch (error) {
    log.error({ fault: describeFault(error) }, "An error couldn't be answered.");
    response.destroy();
  }
}

function ownRoutes(front: Front): Map<string, Route> {
  const prefersHtml = (request: IncomingMessage) => {
    const accept = request.headers.accept ?? "";
    const html = accept.indexOf("text/html");
    const json = accept.indexOf("json");
    return html !== -1 && (json === -1 || html < json);
  };
  const links = {
    "GraphQL endpoint": "/graphql",
    Health: "/health",
    Readiness: "/ready",
    Metrics: "/metrics",
  };
  const routes: Route[] = [
    {
      name: "/",
      methods: ["GET", "HEAD"],
      async answer({ request, response }) {
        if (!prefersHtml(request))
          return sendJson(request, response, 200, { name: "atrium", version: front.version, links });
        response.setHeader("content-security-policy", rootPagePolicy);
        return sendText(request, response, {
          status: 200,
          type: "text/html; charset=utf-8",
          text: rootPage(front.version, links),
        });
      },
    },
    {
      name: "/health",
      methods: ["GET", "HEAD"],
      answer: ({ request, response }) => sendJson(request, response, 200, { status: "ok" }),
    },
    {
      name: "/ready",
      methods: ["GET", "HEAD"],
      async answer({ request, response }) {
        const readiness = await front.readiness();
        return sendJson(request, response, readiness.ready ? 200 : 503, readiness);
      },
    },
    {
      name: "/metrics",
      methods: ["GET", "HEAD"],
      async answer({ request, response }) {
        if (!front.mayReadMetrics(request.headers.authorization))
          throw new PublicError("UNAUTHENTICATED", "The metrics need their own token.");
        const type = front.metrics.registry.contentType;
        return sendText(request, response, { status: 200, type, text: await front.metricsText() });
      },
    },
    ...[...front.at].map(([name, served]) => ({
      name,
      methods: ["GET", "POST"],
      async answer(exchange: Exchange) {
        const { request, response } = exchange;
        const isVisit =
          request.method === "GET" && prefersHtml(request) && !/[?&](query|extensions)=/.test(request.url!);
        if (!isVisit) return answerGraphQL(front, served, exchange);
        if (!front.explorer) throw new PublicError("NOT_FOUND", "The explorer is off here. Send operations with POST.");
        const nonce = randomBytes(16).toString("base64");
        response.setHeader("content-security-policy", explorerPolicy(nonce, saneHost(request.headers.host)));
        return sendText(request, response, {
          status: 200,
          type: "text/html; charset=utf-8",
          text: explorerPage(nonce),
        });
      },
    })),
  ];
  return new Map(routes.map((route) => [route.name, route]));
}

// It becomes part of a header.
const saneHost = (host: string | undefined) => (host && /^[\w.:[\]-]+$/.test(host) ? host : "localhost");

function serviceRoute(front: Front, path: string): Route | undefined {
  const route = findServiceRoute(serviceRoutes, path);
  const client = route && front.subgraphs.get(route.service);
  if (!route || !client) return undefined;
  return {
    name: route.path,
    methods: route.methods,
    async answer({ request, response, requestId }) {
      const credentials = credentialsOf(request);
      const isAnonymous = credentials.authorization === undefined && credentials.apiKey === undefined;
      const actor: Actor = isAnonymous ? anonymous : (await front.authentication.authenticate(credentials)).actor;
      const clientAddress = clientAddressOf(request, front.trustedProxies);
      client.handle(request, response, { actor, requestId, clientAddress });
    },
  };
}
