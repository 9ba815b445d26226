import type { FetchNode } from "@apollo/query-planner";
import { parse, type GraphQLFormattedError } from "graphql";
import type { ClientRequest } from "../client-request";
import { SubgraphFault, type SubgraphAnswer, type SubgraphRequest } from "../subgraphs/transport";
import { compileContexts } from "./contexts";
import { commonPlace, placesOf, type Place } from "./places";
import { askedBy, type Compilation, type Step } from "./plan";
import { compileRepresentations, type Group } from "./representations";
import { compileRewrites, renamedPath } from "./rewrites";
import type { Run, SentFetch } from "./run";
import { copyOf, isFlat, isTree, mergeInto, type Tree } from "./tree";

type PlanPath = readonly (string | number)[];

export interface CompiledFetch<Request extends ClientRequest> {
  run: Step<Request>;
  /** What is sent when nothing is required of entities: the root of an operation, or of a subscription. */
  planned(run: Run<Request>): SubgraphRequest<Request>;
  /** Merges an answer for the root: an event of a subscription. */
  take(run: Run<Request>, answer: SubgraphAnswer): void;
}

export function compileFetch<Request extends ClientRequest>(
  node: FetchNode,
  { isOfType, isAbstract, isEntity, askedAgain, hasContexts }: Compilation,
): CompiledFetch<Request> {
  const { serviceName, operation, operationName, id } = node;
  const head =
    `{"query":${JSON.stringify(operation)}` +
    `${operationName === undefined ? "" : `,"operationName":${JSON.stringify(operationName)}`},"variables":{`;
  const usages = node.variableUsages ?? [];
  const isKnown = (typename: string) => isEntity(serviceName, typename);
  const group = node.requires && compileRepresentations(node.requires, node.inputRewrites, isOfType, isKnown);
  const byContext = compileContexts(node.contextRewrites, isOfType);
  const rewrite = compileRewrites(node.outputRewrites, isOfType);
  const asked = askedBy(node);
  const rootKeys = once(() => responseKeysOf(operation));

  return {
    async run(run, objects, path) {
      if (objects.length > 0) {
        if (!group) await fetchRoot(run, objects, path);
        else if (byContext) {
          const sent = byContext(run.root, objects, path).map((each) =>
            fetchEntities(run, group(each.objects), path, each.variables),
          );
          await Promise.all(sent);
        } else {
          const groups = group(objects);
          if (groups.length > 0)
            await (askedAgain.has(asked) ? fetchUnknown(run, groups, path) : fetchEntities(run, groups, path));
        }
      }
      if (id !== undefined) run.gateOf(id).open();
    },
    planned: (run) => new PlannedFetch(node, head, variablesText(run), run),
    take: (run, answer) => takeRoot(run, answer, [run.root], []),
  };

  function variablesText(run: Run<Request>): string {
    let text = "";
    for (const name of usages) {
      const value = run.variables[name];
      if (value !== undefined) text += `${text && ","}${JSON.stringify(name)}:${JSON.stringify(value)}`;
    }
    return text;
  }

  function send(run: Run<Request>, variables: string): Promise<SubgraphAnswer> {
    const transport = run.options.transports.get(serviceName);
    if (transport) return transport.fetch(new PlannedFetch(node, head, variables, run));
    return Promise.reject(new SubgraphFault(serviceName, "UNREACHABLE", `There is no way to "${serviceName}".`));
  }

  function sendFor(run: Run<Request>, groups: readonly Group[], ofContext = ""): Promise<SubgraphAnswer> {
    let texts = "";
    for (const { text } of groups) texts += texts === "" ? text : `,${text}`;
    let variables = variablesText(run);
    if (ofContext) variables += `${variables && ","}${ofContext}`;
    return send(run, `${variables}${variables && ","}"representations":[${texts}]`);
  }

  async function fetchRoot(run: Run<Request>, objects: readonly Tree[], path: PlanPath): Promise<void> {
    try {
      takeRoot(run, await send(run, variablesText(run)), objects, path);
    } catch (error) {
      reportFault(run, error, path);
    }
  }

  function takeRoot(run: Run<Request>, answer: SubgraphAnswer, objects: readonly Tree[], path: PlanPath): void {
    const { data } = answer;
    if (answer.extensions) run.pass(answer.extensions);
    if (answer.errors !== undefined)
      for (const error of answer.errors) {
        const within = renamedPath(node.outputRewrites, pathOf(error));
        const places = path.length === 0 ? [[]] : [...placesOf(run.root, path).values()].flat();
        for (const place of places) report(run, error, [...place, ...within]);
      }
    if (!isTree(data)) {
      if (answer.errors?.length) return;
      throw notGraphQL("an answer without data and without errors");
    }
    const own = answer.isShared ? (copyOf(data) as Tree) : data;
    rewrite?.(own);
    for (const object of objects) mergeInto(object, objects.length === 1 ? own : (copyOf(own) as Tree), isAbstract);
  }

  async function fetchEntities(
    run: Run<Request>,
    groups: readonly Group[],
    path: PlanPath,
    ofContext?: string,
  ): Promise<void> {
    if (groups.length === 0) return;
    try {
      const answer = await sendFor(run, groups, ofContext);
      const { entities, errors } = entitiesOf(run, answer, groups.length, path);
      for (let i = 0; i < groups.length; i++) mergeEntity(groups[i]!, entities[i], answer.isShared);
      if (errors.size > 0) reportErrors(run, groups, errors, path);
    } catch (error) {
      reportFault(run, error, path);
    }
  }

  /**
   * The same where another fetch of the plan asks the same: an entity that it has fetched, or is fetching, isn't asked for
   * again. Each place merges a copy, since what else is selected there differs.
   */
  async function fetchUnknown(run: Run<Request>, groups: readonly Group[], path: PlanPath): Promise<void> {
    let known = run.fetched.get(asked);
    if (!known) run.fetched.set(asked, (known = new Map()));
    const unknown = groups.filter(({ text }) => !known.has(text));
    if (unknown.length > 0) {
      const sent = sendFor(run, unknown).then(
        (answer): SentFetch => {
          try {
            return entitiesOf(run, answer, unknown.length, path);
          } catch (error) {
            return { fault: faultFrom(error) };
          }
        },
        (error: unknown): SentFetch => ({ fault: faultFrom(error) }),
      );
      unknown.forEach(({ text }, index) => known.set(text, { sent, index }));
    }
    const faults = new Set<SubgraphFault>();
    const errors = new Map<number, readonly GraphQLFormattedError[]>();
    const fetched = groups.map(({ text }) => known.get(text)!);
    const outcomes = new Map<Promise<SentFetch>, SentFetch>();
    for (const { sent } of fetched) if (!outcomes.has(sent)) outcomes.set(sent, await sent);
    for (let at = 0; at < fetched.length; at++) {
      const { sent, index } = fetched[at]!;
      const outcome = outcomes.get(sent)!;
      if ("fault" in outcome) faults.add(outcome.fault);
      else {
        mergeEntity(groups[at]!, outcome.entities[index], true);
        const own = outcome.errors.get(index);
        if (own) errors.set(at, own);
      }
    }
    for (const fault of faults) reportFault(run, fault, path);
    if (errors.size > 0) reportErrors(run, groups, errors, path);
  }

  /** The entities of an answer, and the errors of each; throws when it doesn't have as many as were asked for. */
  function entitiesOf(
    run: Run<Request>,
    { data, errors, extensions }: SubgraphAnswer,
    count: number,
    path: PlanPath,
  ): Extract<SentFetch, { entities: unknown }> {
    if (extensions) run.pass(extensions);
    const ofEntity = new Map<number, GraphQLFormattedError[]>();
    for (const error of errors ?? []) {
      const [root, index] = pathOf(error);
      if (root !== "_entities" || typeof index !== "number" || index >= count) report(run, error, commonPlace(path));
      else ofEntity.set(index, [...(ofEntity.get(index) ?? []), error]);
    }
    const entities = data?._entities;
    if (!Array.isArray(entities)) {
      if (errors?.length) return { entities: [], errors: ofEntity };
      throw notGraphQL("an answer without a list of entities");
    }
    if (entities.length !== count) throw notGraphQL(`${entities.length} entities where ${count} were asked for`);
    return { entities, errors: ofEntity };
  }

  /** `isShared`: others read the entity as well, so that it isn't changed, and nothing of it is handed on. */
  function mergeEntity({ entities }: Group, given: unknown, isShared = false): void {
    if (!isTree(given)) return;
    const entity = isShared && (rewrite || !isFlat(given)) ? (copyOf(given) as Tree) : given;
    if (rewrite) {
      // Rewrites go by the type's name, which isn't always asked for again.
      if (entity.__typename === undefined) entity.__typename = entities[0]!.__typename;
      rewrite(entity);
    }
    // What is below an entity may be told something else at each of its places.
    for (const target of entities) mergeInto(target, hasContexts ? (copyOf(entity) as Tree) : entity, isAbstract);
  }

  function reportErrors(
    run: Run<Request>,
    groups: readonly Group[],
    errors: ReadonlyMap<number, readonly GraphQLFormattedError[]>,
    path: PlanPath,
  ): void {
    const places = placesOf(run.root, path);
    for (const [index, ofEntity] of errors) {
      const at = groups[index]!.entities.flatMap((entity): Place[] => places.get(entity) ?? []);
      for (const error of ofEntity) {
        const within = renamedPath(node.outputRewrites, pathOf(error).slice(2));
        for (const place of at.length > 0 ? at : [commonPlace(path)]) report(run, error, [...place, ...within]);
      }
    }
  }

  function report(run: Run<Request>, error: GraphQLFormattedError, path: Place): void {
    const { locations: _, ...told } = error; // They are of the plan's own operation.
    const placed = { ...told, path: path.length > 0 ? path : undefined };
    run.report(run.options.describeError(placed, serviceName, run.request));
  }

  /** A fetch without an answer: an error for each field that it was for, or for where its entities begin. */
  function reportFault(run: Run<Request>, thrown: unknown, path: PlanPath): void {
    const error = run.options.describeFault(faultFrom(thrown), run.request);
    if (!group && path.length === 0) {
      for (const key of rootKeys()) run.report({ ...error, path: [key] });
      return;
    }
    const place = commonPlace(path);
    run.report(place.length > 0 ? { ...error, path: place } : error);
  }

  function faultFrom(thrown: unknown): SubgraphFault {
    if (thrown instanceof SubgraphFault) return thrown;
    throw thrown;
  }

  function notGraphQL(what: string): SubgraphFault {
    return new SubgraphFault(serviceName, "NOT_GRAPHQL", `The subgraph "${serviceName}" sent ${what}.`);
  }
}

const pathOf = ({ path }: GraphQLFormattedError): Place =>
  Array.isArray(path) ? path.filter((step) => typeof step === "string" || typeof step === "number") : [];

/** What is sent: its text is put together for HTTP, its variables are read from it for a subgraph in this process. */
class PlannedFetch<Request extends ClientRequest> implements SubgraphRequest<Request> {
  readonly kind;
  readonly query;
  readonly operationName;
  readonly request;
  readonly signal;

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
    return JSON.parse(`{${this.variablesText}}`) as Record<string, unknown>;
  }

  body(): string {
    return `${this.head}${this.variablesText}}}`;
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
