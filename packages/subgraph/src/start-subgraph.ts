import type { AnswersForPeople } from "@atrium/personal-data";
import type { SubgraphSchema } from "@atrium/schema-kit";
import type { Logger } from "pino";
import { causeOf } from "./cause";
import { executor } from "./executor";
import { httpHandler } from "./http";
import { subgraphMetrics, type ServiceGauge } from "./metrics";
import type { InternalOperation, Readiness, RequestFacts, RunningSubgraph } from "./operation";
import type { OperationLimits } from "./operation-limits";
import { checked } from "./readiness";
import type { Route } from "./routes";
import { workInProgress } from "./work";

export interface SubgraphOptions<Context> {
  /** Also the audience for which actors are signed. */
  name: string;
  schema: SubgraphSchema;
  /** How the service answers for the people whose data it holds: `answerForPeople`. There is none without. */
  personalData: AnswersForPeople;
  /** Called for every operation, and for every event of a subscription. */
  context(facts: RequestFacts): Context;
  routes?: readonly Route<Context>[];
  internal?: Readonly<Record<string, InternalOperation>>;
  /** What the service needs, by name; each rejects while it isn't there. */
  readiness?: Readonly<Record<string, () => Promise<unknown>>>;
  gauges?: readonly ServiceGauge[];
  /** Closes what the service opened; called once, when nothing runs any more. */
  stop?(): Promise<void>;
  limits?: Partial<OperationLimits>;
  /** `actorKeyFor(name, secret)`. */
  actorKey: Buffer;
  /** What `/metrics` wants as a bearer token; without one, only a signed actor gets them. */
  metricsToken?: string;
  log: Logger;
  bodyBytesMax?: number;
  /** How long the rest of a refused body may still come. */
  refusedBodyMs?: number;
  operationTimeoutMs?: number;
  /** How long `stop` waits for what runs. */
  drainMs?: number;
}

export async function startSubgraph<Context>(o: SubgraphOptions<Context>): Promise<RunningSubgraph> {
  const { name, routes = [], internal = {}, readiness = {} } = o;
  const log = o.log.child({ subgraph: name });
  const metrics = subgraphMetrics(name, o.gauges ?? []);
  const work = workInProgress((running) => metrics.running.set(running));
  const causes = causeOf(o.actorKey);
  const { execute, subscribe } = executor({
    name,
    schema: o.schema.schema,
    context: o.context,
    causeOf: causes,
    limits: o.limits,
    timeoutMs: o.operationTimeoutMs ?? 30_000,
    log,
    metrics,
    work,
  });

  async function ready(): Promise<Readiness> {
    const checks = Object.entries(readiness).map(async ([thing, check]) => [thing, await checked(check, log)] as const);
    return {
      ...Object.fromEntries(await Promise.all(checks)),
      [name]: { ok: !work.stopping, ...(work.stopping && { detail: "stopping" }) },
    };
  }

  let stopped: Promise<void> | undefined;
  async function stopOnce(): Promise<void> {
    await work.drain(o.drainMs ?? 10_000);
    await o.stop?.();
  }

  const subgraph = { name, execute, subscribe };
  return {
    ...subgraph,
    sdl: o.schema.sdl,
    routes: routes.map(({ method, path }) => ({ method, path })),
    internal,
    personalData: o.personalData.nouns,
    handle: httpHandler({
      subgraph,
      routes,
      internal,
      context: o.context,
      ready,
      actorKey: o.actorKey,
      causeOf: causes,
      metricsToken: o.metricsToken,
      bodyBytesMax: o.bodyBytesMax ?? 2_000_000,
      refusedBodyMs: o.refusedBodyMs ?? 5_000,
      log,
      metrics,
      work,
    }),
    ready,
    registry: metrics.registry,
    stop: () => (stopped ??= stopOnce()),
  };
}
