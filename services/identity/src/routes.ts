import type { Route } from "@atrium/subgraph";
import type { Context } from "./context";

// A key is published an hour before it signs.
const cacheSeconds = 300;

/** The public keys of access tokens, for whoever verifies them (RFC 7517). */
export const jwksRoute: Route<Context> = {
  method: "GET",
  path: "/.well-known/jwks.json",
  async handle({ signingKeys }, { response }) {
    const body = JSON.stringify({ keys: await signingKeys.published() });
    response.setHeader("content-type", "application/jwk-set+json");
    response.setHeader("cache-control", `public, max-age=${cacheSeconds}`);
    response.end(body);
  },
};
