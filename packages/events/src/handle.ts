import type { z } from "zod";
import type { EventDefinition } from "./define";
import type { Envelope } from "./envelope";

/** Who a piece of database work is done for. */
export interface Tenant {
  readonly organizationId?: string | null;
  readonly workspaceId?: string | null;
  readonly userId?: string | null;
}

/** What this package needs of a transaction; `Handle` of `@atrium/database` has it. */
export interface EventTransaction {
  readonly tenant: Tenant;
  sql<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  afterCommit(effect: () => void): void;
}

/** What this package needs of a database handle. `Self` is the handle's full type, so that handlers get all of it. */
export interface EventHandle<Self> extends EventTransaction {
  transaction<T>(work: (tx: Self) => Promise<T>): Promise<T>;
}

export interface EventDatabase<Handle extends EventHandle<Handle>> {
  as(tenant: Tenant): Handle;
  asService(tenant?: Tenant): Handle;
}

/** A definition whose data isn't known here. */
export interface AnyDefinition {
  readonly type: string;
  read(data: unknown): unknown;
}

/** One entry of a service's `consumers`. */
export type Consumer<Context> = TypeConsumer<Context> | EveryConsumer<Context>;

/** Hears one type of event. */
export interface TypeConsumer<Context> {
  readonly definition: AnyDefinition;
  /** Hears what waits together, or each event by itself. */
  readonly together: boolean;
  readonly handler: (context: Context, data: readonly never[], envelopes: readonly Envelope<never>[]) => unknown;
  readonly as: "service" | ((data: never, envelope: Envelope<never>) => Tenant) | undefined;
}

/**
 * Lets `handler` hear an event. It runs in a transaction that also records the event as handled, bound to the tenant
 * that the event names: its effects happen once, or not at all. When it throws, everything is rolled back and tried
 * again, so it must do nothing that a rollback leaves behind; long work and foreign systems belong in a job that it
 * enqueues. A refusal it returns counts as handled.
 *
 * `as` binds it to something else: `"service"` to the service itself, for tables that are kept across tenants (events
 * of several tenants then share transactions), or a tenant made from the data (the organization that a new user gets).
 * An event of an organization can't be handled as another's.
 */
export function handle<Context, Shape extends z.ZodRawShape>(
  definition: EventDefinition<Shape>,
  handler: (context: Context, data: z.output<z.ZodObject<Shape>>, envelope: Envelope) => unknown,
  options: { as?: "service" | ((data: z.output<z.ZodObject<Shape>>, envelope: Envelope) => Tenant) } = {},
): TypeConsumer<Context> {
  const alone = (context: Context, [data]: readonly never[], [envelope]: readonly Envelope<never>[]) =>
    handler(context, data!, envelope!);
  return { definition, together: false, handler: alone, as: options.as };
}

/**
 * As `handle`, for a handler that can do for many events at once what costs nearly as much for one: it gets the data of
 * those that wait one behind the other and have one tenant, one actor and one trace, such as what one request has
 * announced; at most 64, in order. When it throws, each is handled by itself.
 */
export function handleTogether<Context, Shape extends z.ZodRawShape>(
  definition: EventDefinition<Shape>,
  handler: (context: Context, data: readonly z.output<z.ZodObject<Shape>>[]) => unknown,
): TypeConsumer<Context> {
  return { definition, together: true, handler, as: undefined };
}

/** Hears every event of every service. */
export interface EveryConsumer<Context> {
  readonly every: (context: Context, envelopes: readonly Envelope[]) => unknown;
}

/**
 * Lets `handler` hear every event of every service, also of types and versions that nobody here knows. It gets them by
 * the batch (at most 500, 16 MB), of all tenants together, in order per tenant and subject; in one transaction of the
 * service itself that also records them as handled. `data` is as it came: what reads it checks it.
 *
 * When it throws, everything is rolled back, and the batch is halved until the event is found that it fails at. That
 * one is tried again, alone, and becomes a dead letter at last; the events behind it with the same tenant and subject
 * wait meanwhile, and all others go on. A service's other consumers go on beside it: it has an inbox group of its own,
 * `<service>.every`.
 */
export function handleEvery<Context>(
  handler: (context: Context, envelopes: readonly Envelope[]) => unknown,
): EveryConsumer<Context> {
  return { every: handler };
}
