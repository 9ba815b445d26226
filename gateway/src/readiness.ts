import type { Readiness } from "@atrium/subgraph";
import type { SubgraphClient } from "./subgraph-client";

// Anybody may ask, so that a flood of questions must not become a flood of database queries.
const freshMs = 1_000;

export interface GatewayReadiness {
  ready: boolean;
  checks: Readiness;
}

/** Everything that this gateway needs, each part named `service` or `service.part`. */
export function readinessOf(subgraphs: readonly SubgraphClient[], isStopping: () => boolean) {
  let asked: { at: number; answer: Promise<Readiness> } | undefined;

  async function ask(): Promise<Readiness> {
    const parts = subgraphs.map(async (client): Promise<Readiness> => {
      try {
        const entries = Object.entries(await client.ready());
        return Object.fromEntries(
          entries.map(([part, check]) => [part === client.name ? part : `${client.name}.${part}`, check]),
        );
      } catch {
        return { [client.name]: { ok: false, detail: "doesn't answer" } };
      }
    });
    return Object.assign({}, ...(await Promise.all(parts)));
  }

  return async (): Promise<GatewayReadiness> => {
    const now = performance.now();
    if (!asked || now - asked.at > freshMs) asked = { at: now, answer: ask() };
    const gateway = isStopping() ? { ok: false, detail: "stopping" } : { ok: true };
    const checks = { gateway, ...(await asked.answer) };
    return { ready: Object.values(checks).every(({ ok }) => ok), checks };
  };
}
