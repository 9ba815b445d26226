// Atrium's own endpoint, as `gateway/src/main.ts` starts it, but before the bench's subgraphs: it asks whose session lives
// and what they may do with every request, signs the actor for each fetch, counts and traces.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const ofGateway = createRequire(new URL("../../gateway/package.json", import.meta.url));
const { accessSourceOver } = ofGateway("./dist/access-source.js");
const { startGateway } = ofGateway("./dist/gateway.js");
const { httpClient } = ofGateway("./dist/http-client.js");
const { createLog, startTelemetry } = ofGateway("@atrium/subgraph");

const [supergraph, port, services] = process.argv.slice(2);
const log = createLog("gateway");
const secret = "a secret of the bench, as long as one has to be";
const clients = Object.entries(JSON.parse(services)).map(([name, url]) => httpClient({ name, url, secret, log }));
const named = (name) => clients.find((client) => client.name === name);
await startTelemetry("gateway", process.env, { carriesContext: false, sampling: 0.01 });
await startGateway({
  subgraphs: clients,
  accessSource: accessSourceOver({ identity: named("identity"), tenancy: named("tenancy") }),
  supergraph: readFileSync(supergraph, "utf8"),
  port: Number(port),
  host: "127.0.0.1",
  log,
  demand: { costMax: 1_000_000, costPerMinuteMax: 1e12 },
  slowOperationMs: 5_000,
});
process.once("SIGTERM", () => process.exit(0));
