import type { FetchNode } from "@apollo/query-planner";
import { parse, type GraphQLFormattedError } from "graphql";
import type { ClientRequest } from "../client-request";
import { SubgraphFault, type SubgraphAnswer, type SubgraphRequest } from "../subgraphs/transport";
import { commonPlace, placesOf, type Place } from "./places";
import type { Compilation, Step } from "./plan";
import { compileRepresentations } from "./representations";
import { compileRewrites, renamedPath } from "./rewrites";
import type { Run } from "./run";
import { isTree, mergeInto, type Tree } from "./tree";

/** Entities by their representation's text: each is asked for once, however many places it stands at. */
type Groups = Map<string, Tree[]>;

export interface CompiledFetch<Request extends ClientRequest> {
  run: Step<Request>;
  /** What is sent when nothing is required of entities: the root of an operation, or of a subscription. */
  planned(run: Run<Request>): SubgraphRequest<Request>;
  /** Merges an answer for the root: an event of a subscription. */
  take(run: Run<Request>, answer: SubgraphAnswer): void;
}

export function compileFetch<Request extends ClientRequest>(
  node: FetchNode,
  { isOfType, isAbstract }: Compilation,
): CompiledFetch<Request> {
  const { serviceName, operation, operationName, id } = node;
  const head =
    `{"query":${JSON.stringify(operation)}` +
    `${operationName === undefined ? "" : `,"operationName":${JSON.stringify(operationName)}`},"variables":{`;
  const usages = node.variableUsages ?? [];
  const represent = node.requires && compileRepresentations(node.requires, node.inputRewrites, isOfType);
  const rewrite = compileRewrites(node.outputRewrites, isOfType);
  const rootKeys = once(() => responseKeysOf(operation));

  return {
    run: fetchFor,
    planned: (run) => new PlannedFetch(node, head, variablesText(run), run),
    take: (run, answer) => take(run, answer, null, new Set([run.root]), []),
  };

  function variablesText(run: Run<Request>): string {
    let text = "";
    for (const name of usages) {
      const value = run.variables[name];
      if (value !== undefined) text += `${text && ","}${JSON.stringify(name)}:${JSON.stringify(value)}`;
    }
    return text;
  }

  async function fetchFor(
    run: Run<Request>,
    objects: ReadonlySet<Tree>,
    path: readonly (string | number)[],
  ): Promise<void> {
    if (objects.size === 0) return finished(run);
    let variables = variablesText(run);
    let groups: Groups | null = null;
    if (represent) {
      groups = grouped(objects, represent);
      if (groups.size === 0) return finished(run);
      variables += `${variables && ","}"representations":[${textsOf(groups)}]`;
    }
    const planned = new PlannedFetch(node, head, variables, run);
    try {
      take(run, await send(run, planned), groups, objects, path);
    } catch (error) {
      if (!(error instanceof SubgraphFault)) throw error;
      reportFault(run, error, path);
    }
    finished(run);
  }

  function finished(run: Run<Request>): void {
    if (id !== undefined) run.gateOf(id).open();
  }

  /** Identical queries of one request share an answer; whoever comes second gets a copy, since answers are changed. */
  async function send(run: Run<Request>, planned: PlannedFetch<Request>): Promise<SubgraphAnswer> {
    const transport = run.options.transports.get(serviceName);
    if (!transport) throw new SubgraphFault(serviceName, "UNREACHABLE", `There is no way to "${serviceName}".`);
    if (run.isMutation) return transport.fetch(planned);
    const key = `${serviceName} ${planned.body()}`;
    const running = run.fetched.get(key);
    if (running) return structuredClone(await running);
    const answer = transport.fetch(planned);
    run.fetched.set(key, answer);
    return answer;
  }

  function take(
    run: Run<Request>,
    answer: SubgraphAnswer,
    groups: Groups | null,
    objects: ReadonlySet<Tree>,
    path: readonly (string | number)[],
  ): void {
    const { data } = answer;
    if (answer.errors !== undefined) reportErrors(run, answer.errors, groups, path);
    if (answer.extensions) run.pass(answer.extensions);
    if (data === null || data === undefined) {
      if (answer.errors?.length) return;
      throw notGraphQL("an answer without data and without errors");
    }
    if (!groups) {
      rewrite?.(data);
      for (const object of objects) mergeInto(object, data, isAbstract);
      return;
    }
    const entities = data._entities;
    if (!Array.isArray(entities)) {
      if (answer.errors?.length) return;
      throw notGraphQL("an answer without a list of entities");
    }
    if (entities.length !== groups.size)
      throw notGraphQL(`${entities.length} entities where ${groups.size} were asked for`);
    let index = 0;
    for (const targets of groups.values()) {
      const entity: unknown = entities[index++];
      if (!isTree(entity)) continue;
      if (rewrite) {
        // Rewrites go by the type's name, which isn't always asked for again.
        if (entity.__typename === undefined) entity.__typename = targets[0]!.__typename;
        rewrite(entity);
      }
      for (const target of targets) mergeInto(target, entity, isAbstract);
    }
  }

  const notGraphQL = (what: string) =>
    new SubgraphFault(serviceName, "NOT_GRAPHQL", `The subgraph "${serviceName}" sent ${what}.`);

  function reportErrors(
    run: Run<Request>,
    errors: readonly GraphQLFormattedError[],
    groups: Groups | null,
    path: readonly (string | number)[],
  ): void {
    const places = once(() => placesOf(run.root, path));
    const targets = groups && [...groups.values()];
    for (const error of errors) {
      for (const place of placesOfError(error, targets, path, places)) {
        const placed = { ...error, ...(place.length > 0 ? { path: place } : { path: undefined }) };
        run.report(run.options.describeError(placed, serviceName, run.request));
      }
    }
  }

  /** A subgraph's path in the client's terms, once for each place that its object stands at. */
  function placesOfError(
    error: GraphQLFormattedError,
    targets: Tree[][] | null,
    path: readonly (string | number)[],
    places: () => Map<Tree, Place[]>,
  ): Place[] {
    const given = Array.isArray(error.path) ? error.path.filter(isPathStep) : [];
    if (!targets) {
      const within = renamedPath(node.outputRewrites, given);
      return path.length === 0 ? [within] : [...places().values()].flat().map((place) => [...place, ...within]);
    }
    const [entities, index, ...rest] = given;
    const hit = entities === "_entities" && typeof index === "number" ? targets[index] : undefined;
    if (!hit) return [commonPlace(path)];
    const within = renamedPath(node.outputRewrites, rest);
    const found = hit.flatMap((target) => places().get(target) ?? []).map((place) => [...place, ...within]);
    return found.length > 0 ? found : [commonPlace(path)];
  }

  /** A fetch without an answer: an error for each field that it was for, or for where its entities begin. */
  function reportFault(run: Run<Request>, fault: SubgraphFault, path: readonly (string | number)[]): void {
    const error = run.options.describeFault(fault, run.request);
    if (represent || path.length > 0) {
      const place = commonPlace(path);
      return run.report(place.length > 0 ? { ...error, path: place } : error);
    }
    for (const key of rootKeys()) run.report({ ...error, path: [key] });
  }
}

const isPathStep = (step: unknown): step is string | number => typeof step === "string" || typeof step === "number";

function grouped(objects: ReadonlySet<Tree>, represent: (entity: Tree) => string | null): Groups {
  const groups: Groups = new Map();
  for (const object of objects) {
    const text = represent(object);
    if (text === null) continue;
    const same = groups.get(text);
    if (same) same.push(object);
    else groups.set(text, [object]);
  }
  return groups;
}

function textsOf(groups: Groups): string {
  let texts = "";
  for (const text of groups.keys()) texts += texts === "" ? text : `,${text}`;
  return texts;
}

/** What is sent: its text is put together for HTTP, its variables are read from it for a subgraph in this process. */
export class PlannedFetch<Request extends ClientRequest> implements SubgraphRequest<Request> {
  readonly kind;
  readonly query;
  readonly operationName;
  readonly request;
  readonly signal;
  #text: string | undefined;
  #variables: Readonly<Record<string, unknown>> | undefined;

  constructor(
    node: FetchNode,
    private readonly head: string,
    private readonly variablesText: string,
    run: Run<Request>,
  ) {
    this.kind = node.operationKind;
    this.query = node.operation;
    this.operationName = node.operationName;
    this.request = run.request;
    this.signal = run.signal;
  }

  get variables(): Readonly<Record<string, unknown>> {
    return (this.#variables ??= JSON.parse(`{${this.variablesText}}`) as Record<string, unknown>);
  }

  body(): string {
    return (this.#text ??= `${this.head}${this.variablesText}}}`);
  }
}

function responseKeysOf(operation: string): string[] {
  const [definition] = parse(operation, { noLocation: true }).definitions;
  if (definition?.kind !== "OperationDefinition") return [];
  const keys = new Set<string>();
  const collect = (selections: typeof definition.selectionSet.selections): void => {
    for (const selection of selections)
      if (selection.kind === "Field") keys.add(selection.alias?.value ?? selection.name.value);
      else if (selection.kind === "InlineFragment") collect(selection.selectionSet.selections);
  };
  collect(definition.selectionSet.selections);
  return [...keys];
}

function once<Value>(compute: () => Value): () => Value {
  let known: { value: Value } | undefined;
  return () => (known ??= { value: compute() }).value;
}
