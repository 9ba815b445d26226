import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestFacts } from "./operation";

export interface RouteName {
  method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE";
  /** `/uploads/:token`: a part that begins with a colon matches anything but a slash. */
  path: string;
}

/** One of a service's own HTTP routes. `GET` answers `HEAD` too. What it throws is masked and answered as JSON. */
export interface Route<Context> extends RouteName {
  handle(context: Context, exchange: Exchange): Promise<void> | void;
}

export interface Exchange extends RequestFacts {
  /** Its body is unread: pipe it. */
  request: IncomingMessage;
  response: ServerResponse;
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
}

/**
 * The text that an actor is signed for when a request goes to a route: its body is a stream that nobody has read yet,
 * so the signature binds the request line instead.
 */
export const requestLine = (method: string, url: string): string => `${method} ${url}`;

/** Finds the route for a request, with its parameters decoded; null when there is none. */
export function routeMatcher<Context>(routes: readonly Route<Context>[]) {
  const compiled = routes.map((route) => ({ route, segments: route.path.split("/") }));
  return (method: string, pathname: string) => {
    const wanted = method === "HEAD" ? "GET" : method;
    const parts = pathname.split("/");
    for (const { route, segments } of compiled) {
      if (route.method !== wanted || segments.length !== parts.length) continue;
      const params = paramsOf(segments, parts);
      if (params) return { route, params };
    }
    return null;
  };
}

function paramsOf(segments: readonly string[], parts: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index]!;
    if (!segment.startsWith(":")) {
      if (segment !== part) return null;
      continue;
    }
    const value = decode(part);
    if (!value) return null;
    params[segment.slice(1)] = value;
  }
  return params;
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
