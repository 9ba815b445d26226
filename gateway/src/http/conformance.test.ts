import { serverAudits } from "graphql-http";
import pino from "pino";
import { readConfig } from "../standalone/config";
import { serveSupergraph, type RunningBareGateway } from "../standalone/serve";
import { Shop } from "../standalone/testing/shop";
import { startHouse, type House } from "../testing/world";

// Both fronts refuse what a browser sends without asking first; a client by GET asks first.
const asksFirst: typeof fetch = (url, options) =>
  fetch(url, { ...options, headers: { ...(options?.headers as object), "apollo-require-preflight": "true" } });

describe("GraphQL over HTTP, by the audits of graphql-http", () => {
  let shop: Shop;
  let bare: RunningBareGateway;
  let house: House;
  beforeAll(async () => {
    shop = await new Shop().start();
    [bare, house] = await Promise.all([
      serveSupergraph({
        supergraph: { read: async () => shop.sdl, watch: async () => {} },
        config: { ...readConfig(undefined), port: 0, introspection: true },
        watch: false,
        log: pino({ level: "silent" }),
      }),
      startHouse(),
    ]);
  });
  afterAll(async () => {
    await Promise.all([bare.stop(), house.close()]);
    await shop.stop();
  });

  describe.each([
    ["the bare gateway", () => bare.url],
    ["the house's own", () => house.endpoint],
  ])("%s", (_, url) => {
    const audits = serverAudits({ url, fetchFn: asksFirst });
    const required = audits.filter(({ name }) => !name.startsWith("MAY"));

    test.each(required.map((audit) => [audit.name, audit] as const))("%s", async (_name, audit) => {
      const { status, ...result } = await audit.fn();
      expect({ status, reason: "reason" in result ? result.reason : undefined }).toEqual({ status: "ok" });
    });
  });
});
