import type { DeferNode, DeferredNode, PlanNode, QueryPlan } from "@apollo/query-planner";
import {
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type GraphQLCompositeType,
  type SelectionSetNode,
} from "graphql";
import type { ClientRequest } from "../client-request";
import { onType } from "../graph/deferred-operation";
import { completed } from "./complete";
import type { Answer, IncrementalAnswer, IncrementalPart } from "./engine";
import type { Place } from "./places";
import { fetchIdsIn } from "./plan";
import type { PreparedOperation } from "./prepared";
import type { Run } from "./run";
import { isTree, type Tree } from "./tree";

type Part = NonNullable<IncrementalPart["incremental"]>[number];

/** What the client has been told already, at its place. */
type Told = Pick<Part, "path" | "data">;

/**
 * Runs an operation whose plan has deferred parts: the first answer as soon as its own fetches are done, the others in the
 * order in which they are (incremental delivery as of 2022-08-24, which Apollo's clients speak).
 */
export async function runIncrementally<Request extends ClientRequest>(
  prepared: PreparedOperation<Request>,
  run: Run<Request>,
): Promise<Answer | IncrementalAnswer> {
  const node = chosen(prepared.plan.node, run.variables);
  if (node?.kind !== "Defer") {
    if (node) await prepared.stepOf(node)(run, [run.root], []);
    return completed(prepared, run, prepared.shapeFor(run.variables, false), run.root);
  }
  const parts = new Parts();
  await runPrimary(prepared, run, node);
  const initial = completed(prepared, run, prepared.shapeFor(run.variables, true), run.root);
  const told = [{ path: [], data: initial.data }];
  startDeferred(prepared, run, node, parts, told);
  // What the planner chose not to defer after all is there by then.
  const others = prepared.undeferred;
  if (others.length > 0)
    parts.last((delivered) => {
      const all: Part[] = [];
      for (const label of others)
        all.push(...deliveries(prepared, run.branch(), label, [...told, ...delivered, ...all]));
      return all;
    });
  const hasNext = parts.pending > 0;
  if (!hasNext) return initial;
  return { initial: { ...initial, hasNext }, subsequent: parts.inOrder() };
}

/** The part of the plan that these variables choose: a fragment may be deferred by a variable. */
function chosen(node: QueryPlan["node"], variables: Readonly<Record<string, unknown>>): PlanNode | undefined {
  if (node?.kind === "Condition") return chosen(variables[node.condition] ? node.ifClause : node.elseClause, variables);
  return node?.kind === "Subscription" ? undefined : node;
}

async function runPrimary<Request extends ClientRequest>(
  prepared: PreparedOperation<Request>,
  run: Run<Request>,
  { primary }: DeferNode,
): Promise<void> {
  if (primary.node) await prepared.stepOf(primary.node)(run, [run.root], []);
  openGates(run, primary.node);
}

/** What was never sent, for want of entities or by a condition, is done as well. */
function openGates<Request extends ClientRequest>(run: Run<Request>, node: PlanNode | undefined): void {
  for (const id of fetchIdsIn(node)) run.gateOf(id).open();
}

function startDeferred<Request extends ClientRequest>(
  prepared: PreparedOperation<Request>,
  run: Run<Request>,
  { deferred }: DeferNode,
  parts: Parts,
  told: readonly Told[],
): void {
  for (const part of deferred) parts.add(runDeferred(prepared, run.branch(), part, parts, told));
}

async function runDeferred<Request extends ClientRequest>(
  prepared: PreparedOperation<Request>,
  run: Run<Request>,
  part: DeferredNode,
  parts: Parts,
  told: readonly Told[],
): Promise<Part[]> {
  // The planner also names fetches that it has put together with others since: they are in no plan.
  const awaited = part.depends.filter(({ id }) => prepared.fetchIds.has(id));
  await Promise.all(awaited.map(({ id }) => run.gateOf(id).opened));
  const node = chosen(part.node, run.variables);
  const nested = node?.kind === "Defer" ? node : undefined;
  if (nested) await runPrimary(prepared, run, nested);
  else if (node) await prepared.stepOf(node)(run, [run.root], []);
  openGates(run, nested ? nested.primary.node : node);
  const delivered = deliveries(prepared, run, part.label, told);
  if (nested) startDeferred(prepared, run, nested, parts, [...told, ...delivered]);
  return delivered;
}

function deliveries<Request extends ClientRequest>(
  prepared: PreparedOperation<Request>,
  run: Run<Request>,
  planned: string | undefined,
  told: readonly Told[],
): Part[] {
  const deferred = planned === undefined ? undefined : prepared.operation.deferred?.get(planned);
  // The plan has a path of its own, and can lose types from it.
  const type = deferred && typeAt(prepared, deferred.path);
  if (!deferred || !type) return [];
  const { label, path } = deferred;
  const shape = prepared.shapeOfPart(deferred, type, run.variables);
  const client = prepared.operation.answered?.names?.client;
  const delivered: Part[] = [];
  for (const { value, place: plannedPlace } of placesInAnswer(prepared, run.root, path)) {
    const place = client ? plannedPlace.map((step) => (typeof step === "string" ? client(step) : step)) : plannedPlace;
    // What became null in an answer before, or isn't in any, has no deferred part either.
    if (!told.some((each) => isThere(each, place))) continue;
    const { errors, ...answer } = completed(prepared, run, shape, value, place);
    // Another object's errors are told with that object.
    const own = errors?.filter(({ path }) => !path || place.every((step, at) => path[at] === step));
    delivered.push({
      ...answer,
      ...(own?.length && { errors: own }),
      path: place,
      ...(label !== undefined && { label }),
    });
  }
  return delivered;
}

/** The type that a deferred part's selection is about. */
function typeAt<Request extends ClientRequest>(
  { schema, operation }: PreparedOperation<Request>,
  path: readonly string[],
): GraphQLCompositeType | null {
  let type: GraphQLCompositeType | null = schema.getRootType(operation.definition.operation) ?? null;
  let sets: SelectionSetNode[] = [operation.definition.selectionSet];
  for (const step of path) {
    if (!type) return null;
    if (step.startsWith(onType)) {
      const narrowed = schema.getType(step.slice(onType.length));
      type = isCompositeType(narrowed) ? narrowed : null;
      continue;
    }
    const found = fieldsNamed(operation.document.definitions, sets, step);
    const name = found[0]?.name;
    const owners: (GraphQLCompositeType | undefined)[] = [
      type,
      ...found.map(({ on }) => asComposite(schema.getType(on))),
    ];
    const owner = owners.find(
      (each) => (isObjectType(each) || isInterfaceType(each)) && name !== undefined && each.getFields()[name],
    );
    const next =
      name !== undefined && (isObjectType(owner) || isInterfaceType(owner))
        ? getNamedType(owner.getFields()[name]!.type)
        : undefined;
    type = isCompositeType(next) ? next : null;
    sets = found.flatMap(({ set }) => set ?? []);
  }
  return type;
}

const asComposite = (type: unknown): GraphQLCompositeType | undefined =>
  isCompositeType(type as GraphQLCompositeType) ? (type as GraphQLCompositeType) : undefined;

/** The fields under a response key in these selections, with the type that the fragment around them is about. */
function fieldsNamed(
  definitions: PreparedOperation<ClientRequest>["operation"]["document"]["definitions"],
  sets: readonly SelectionSetNode[],
  key: string,
  on = "",
): { name: string; on: string; set: SelectionSetNode | undefined }[] {
  return sets.flatMap(({ selections }) =>
    selections.flatMap((selection) => {
      if (selection.kind === Kind.FIELD)
        return (selection.alias ?? selection.name).value === key
          ? [{ name: selection.name.value, on, set: selection.selectionSet }]
          : [];
      const inner =
        selection.kind === Kind.INLINE_FRAGMENT
          ? selection
          : definitions.find(
              (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === selection.name.value,
            );
      if (inner?.kind !== Kind.INLINE_FRAGMENT && inner?.kind !== Kind.FRAGMENT_DEFINITION) return [];
      return fieldsNamed(definitions, [inner.selectionSet], key, inner.typeCondition?.name.value ?? on);
    }),
  );
}

/** The objects at a path of fields, through whatever lists are on the way, each with its place. */
function placesInAnswer<Request extends ClientRequest>(
  { isOfType }: PreparedOperation<Request>,
  root: Tree,
  path: readonly string[],
): { value: Tree; place: Place }[] {
  const found: { value: Tree; place: Place }[] = [];
  const walk = (value: unknown, at: number, place: Place): void => {
    if (Array.isArray(value)) return value.forEach((item, index) => walk(item, at, [...place, index]));
    if (!isTree(value)) return;
    const step = path[at];
    if (step === undefined) found.push({ value, place });
    else if (!step.startsWith(onType)) walk(value[step], at + 1, [...place, step]);
    else if (value.__typename === undefined || isOfType(value.__typename, step.slice(onType.length)))
      walk(value, at + 1, place);
  };
  walk(root, 0, []);
  return found;
}

function isThere({ path, data }: Told, place: Place): boolean {
  if (path.length > place.length || !path.every((step, at) => place[at] === step)) return false;
  let value: unknown = data;
  for (const step of place.slice(path.length)) {
    if (typeof value !== "object" || value === null) return false;
    value = (value as Record<string | number, unknown>)[step];
  }
  return typeof value === "object" && value !== null;
}

/** Deferred parts that run, delivered as they end. */
class Parts {
  pending = 0;
  readonly #ended: Part[][] = [];
  readonly #delivered: Part[] = [];
  #last: ((delivered: readonly Part[]) => Part[]) | undefined;
  #failure: { error: unknown } | undefined;
  #wake = () => {};

  add(part: Promise<Part[]>): void {
    this.pending++;
    part.then(
      (delivered) => {
        this.#ended.push(delivered);
        this.pending--;
        if (this.#last) this.#delivered.push(...delivered);
        if (this.#last && this.pending === 0) this.#ended.push(this.#last(this.#delivered));
        this.#wake();
      },
      (error: unknown) => {
        this.#failure = { error };
        this.pending--;
        this.#wake();
      },
    );
  }

  /** What comes once all the others have come. */
  last(make: (delivered: readonly Part[]) => Part[]): void {
    this.#last = make;
  }

  async *#deliveries(): AsyncGenerator<IncrementalPart, void> {
    for (;;) {
      while (this.#ended.length === 0 && !this.#failure && this.pending > 0)
        await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#failure) throw this.#failure.error;
      const incremental = this.#ended.splice(0).flat();
      const hasNext = this.pending > 0;
      if (incremental.length > 0) yield { incremental, hasNext };
      else if (!hasNext) yield { hasNext };
      if (!hasNext) return;
    }
  }

  inOrder(): AsyncIterableIterator<IncrementalPart> {
    return this.#deliveries();
  }
}
