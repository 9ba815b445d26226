import { composeServices } from "@apollo/composition";
import { buildOperationContext, executeQueryPlan, type GraphQLDataSource } from "@apollo/gateway";
import { buildSubgraphSchema } from "@apollo/subgraph";
import {
  execute,
  GraphQLError,
  isObjectType,
  Kind,
  parse,
  type DocumentNode,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from "graphql";
import pino from "pino";
import type { ClientRequest } from "../client-request";
import { createEngine } from "../execution/create-engine";
import { isIncremental, type Answer, type Engine, type IncrementalAnswer } from "../execution/engine";
import type { Graph } from "../graph/graph";
import { createDocuments, type Documents } from "../graph/documents";
import { openGraph } from "../graph/open-graph";
import type { SubgraphAnswer, SubgraphTransport } from "../subgraphs/transport";
import { loadSupergraph, type LoadedSupergraph } from "../supergraph";
import { read, type Case, type Thing, type World } from "./case";

// The machine of a test may be busy with other things.
const planningMs = 20_000;

const federation = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@external",
  "@requires", "@provides", "@shareable", "@override", "@inaccessible", "@interfaceObject", "@tag", "@authenticated",
  "@requiresScopes", "@policy", "@context", "@fromContext"])\n`;

/** Labels of progressive overrides, where they aren't to be decided by chance. */
type Overrides = ReadonlyMap<string, boolean>;

export interface DifferentialHouse {
  graph: Graph;
  /** What subgraphs were asked, as `subgraph: operation`. */
  sent: string[];
  ours(text: string, variables?: Record<string, unknown>, overrides?: Overrides): Promise<Answer>;
  /** Ours in parts, and what a client has once it has put them together. */
  inParts(text: string, variables?: Record<string, unknown>): Promise<Answer>;
  stock(text: string, variables?: Record<string, unknown>): Promise<Answer>;
  /** The same data as one schema, by graphql-js. */
  whole(text: string, variables?: Record<string, unknown>): Promise<Answer>;
  /** Undoes what operations changed. */
  reset(): void;
  engine: Engine<ClientRequest>;
  transports: ReadonlyMap<string, SubgraphTransport>;
  documents: Documents;
  close(): Promise<void>;
}

/** One graph three times: cut up behind our executor, cut up behind the stock one, and whole. */
export async function openHouse(given: Case): Promise<DifferentialHouse> {
  const names = Object.keys(given.subgraphs);
  const services = names.map((name) => ({
    name,
    url: `http://${name}/graphql`,
    typeDefs: parse(federation + given.subgraphs[name]!),
  }));
  const { supergraphSdl, errors } = composeServices(services);
  if (errors) throw new Error(`${given.name}: ${errors.join("\n")}`);
  const held = { world: given.data() };
  const graph = await openGraph(supergraphSdl, { limits: { planningMs } });
  const stock = given.isRefusedByStock ? null : loadSupergraph(supergraphSdl);
  const sent: string[] = [];
  const executors = new Map(
    services.map(({ name, typeDefs }) => [
      name,
      subgraphExecutor(typeDefs, held, (query) => sent.push(`${name}: ${query}`)),
    ]),
  );
  // Every other answer is one that others read as well: changing it would be a fault that nobody's own answer shows.
  let answered = 0;
  const shared = (answer: SubgraphAnswer): SubgraphAnswer =>
    ++answered % 2 === 0 ? answer : { ...frozen(answer), isShared: true };
  const transports = new Map(
    [...executors].map(([name, run]): [string, SubgraphTransport] => [
      name,
      {
        name,
        fetch: async ({ query, variables }) => shared(await run(query, variables)),
        subscribe: () => Promise.reject(new Error("Nothing is subscribed to here.")),
        close: async () => {},
      },
    ]),
  );
  const engine = createEngine<ClientRequest>({
    graph,
    transports,
    describeError: (error) => error,
    describeFault: ({ message }) => ({ message }),
  });
  const documents = createDocuments({ schema: graph.apiSchema, introspection: true });

  return {
    graph,
    sent,
    engine,
    transports,
    documents,
    async ours(text, variables, overrides) {
      const operation = documents.operationOf(text, undefined);
      const coerced = documents.variablesOf(operation, variables);
      const prepared = await engine.prepare(operation, coerced, { overrides });
      return plain(await engine.execute(prepared, coerced, aRequest()));
    },
    async inParts(text, variables) {
      const operation = documents.operationOf(text, undefined);
      const coerced = documents.variablesOf(operation, variables);
      const answer = await engine.executeIncrementally(await engine.prepare(operation, coerced), coerced, aRequest());
      return plain(isIncremental(answer) ? await putTogether(answer) : answer);
    },
    async stock(text, variables = {}) {
      if (!stock) throw new Error("The stock gateway doesn't start with this graph.");
      return stockAnswer(stock, executors, text, variables);
    },
    async whole(text, variables = {}) {
      const { data: answered, errors: found } = await execute({
        schema: graph.apiSchema,
        document: parse(text),
        variableValues: variables,
        rootValue: {},
        fieldResolver: (source: Thing, args, _, info) => {
          const isRoot = info.path.prev === undefined;
          return read(isRoot ? (held.world[info.parentType.name] as Thing) : source, info.fieldName, args as Thing);
        },
        typeResolver: (value: Thing) => String(value.__typename),
      });
      return plain({ data: answered as Answer["data"], errors: found?.map((error) => error.toJSON()) });
    },
    reset: () => void (held.world = given.data()),
    close: () => graph.close(),
  };
}

function frozen<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const each of Object.values(value)) frozen(each);
  return Object.freeze(value);
}

export const aRequest = (): ClientRequest => ({
  requestId: "request",
  signal: new AbortController().signal,
  deadline: new AbortController().signal,
  client: {},
  callerKey: "",
  claims: { isAuthenticated: false, scopes: new Set(), policies: () => new Set() },
  log: silent,
});

const silent = pino({ level: "silent" });

type RunSubgraph = (query: string, variables: Readonly<Record<string, unknown>>) => Promise<SubgraphAnswer>;

function subgraphExecutor(typeDefs: DocumentNode, held: { world: World }, note: (query: string) => void): RunSubgraph {
  const schema = buildSubgraphSchema([{ typeDefs, resolvers: resolversOf(typeDefs, held) as never }]);
  const documents = new Map<string, DocumentNode>();
  return async (query, variables) => {
    note(query);
    let document = documents.get(query);
    if (!document) documents.set(query, (document = parse(query)));
    const result = await execute({
      schema,
      document,
      variableValues: variables,
      fieldResolver: (source: Thing, args, _, info) =>
        read(
          (source as Thing | undefined) ?? (held.world[info.parentType.name] as Thing),
          info.fieldName,
          args as Thing,
        ),
      typeResolver: (value: Thing, _context, info, type) =>
        declaredTypename(info.schema, value) ?? (type.name === "_Entity" ? String(value.__typename) : undefined),
    });
    return plain({
      data: result.data as SubgraphAnswer["data"],
      errors: result.errors?.map((error) => error.toJSON()),
    });
  };
}

/** As the subgraph knows the type: an interface's implementations may be one type to it. */
function declaredTypename(schema: GraphQLSchema, value: Thing): string | undefined {
  const name = String(value.__typename);
  if (isObjectType(schema.getType(name))) return name;
  const as = value.__as as string | undefined;
  return as !== undefined && isObjectType(schema.getType(as)) ? as : undefined;
}

/** Entities are found by whatever keys they are asked for; what else came along is what the subgraph knows of others' fields. */
function resolversOf(typeDefs: DocumentNode, held: { world: World }) {
  const resolvers: Record<string, Thing> = {};
  for (const definition of typeDefs.definitions) {
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.INTERFACE_TYPE_DEFINITION) continue;
    const type = definition.name.value;
    const keys = (definition.directives ?? [])
      .filter(({ name }) => name.value === "key")
      .map(({ arguments: given }) => {
        const fields = given!.find(({ name }) => name.value === "fields")!.value;
        return parse(`{${fields.kind === Kind.STRING ? fields.value : ""}}`).definitions[0]! as never as {
          selectionSet: { selections: { name: { value: string } }[] };
        };
      })
      .map(({ selectionSet }) => selectionSet.selections.map(({ name }) => name.value));
    if (keys.length === 0) continue;
    const external = (definition.fields ?? [])
      .filter(
        ({ directives, name }) =>
          directives?.some((each) => each.name.value === "external") && !keys.flat().includes(name.value),
      )
      .map(({ name }) => name.value);
    resolvers[type] = {
      __resolveReference(reference: Thing) {
        const all = (held.world[type] ??
          Object.values(held.world)
            .flat()
            .filter((each) => (each as Thing).__as === type)) as Thing[];
        const found = all.find((each) =>
          keys.some((key) => key.every((field) => field in reference && isLike(reference[field], each[field]))),
        );
        if (!found) return null;
        const seen: Thing = { ...found };
        for (const own of Object.keys(found))
          if (own.startsWith("__") && own !== "__typename" && own !== "__as") delete seen[own];
        // To a subgraph with an interface object, everything is of the interface's own type.
        if (found.__as === type && definition.kind === Kind.OBJECT_TYPE_DEFINITION) seen.__typename = type;
        for (const field of external) seen[field] = reference[field];
        return seen;
      },
    };
  }
  return resolvers;
}

/** Whether a representation's value says the same as the data's, as far as it says anything. */
function isLike(given: unknown, known: unknown): boolean {
  if (Array.isArray(given)) return Array.isArray(known) && given.every((item, at) => isLike(item, known[at]));
  if (typeof given === "object" && given !== null)
    return Object.entries(given).every(
      ([key, value]) => key === "__typename" || isLike(value, (known as Thing | null | undefined)?.[key]),
    );
  return given === known || (given !== null && known !== null && String(given) === String(known));
}

async function stockAnswer(
  supergraph: LoadedSupergraph,
  executors: ReadonlyMap<string, RunSubgraph>,
  text: string,
  variables: Record<string, unknown>,
): Promise<Answer> {
  const document = parse(text);
  const operation = buildOperationContext({ schema: supergraph.apiSchema, operationDocument: document });
  const services: Record<string, GraphQLDataSource> = Object.create(null) as Record<string, GraphQLDataSource>;
  for (const [name, run] of executors)
    services[name] = {
      process: async ({ request }) => (await run(request.query!, request.variables ?? {})) as never,
    };
  const plan = supergraph.plan(text, document, undefined);
  // As graphql-js would coerce them: the stock executor reads defaults from the operation alone.
  const request = { request: { query: text, variables }, document, context: {}, metrics: {}, logger: console };
  const { data, errors, extensions } = await executeQueryPlan(
    plan,
    services,
    request as never,
    operation,
    supergraph.supergraphSchema,
    supergraph.planningSchema,
  );
  const noticed = (extensions?.["valueCompletion"] ?? []) as GraphQLError[];
  return plain({
    data: data as Answer["data"],
    errors: [...(errors ?? []), ...noticed].map((error) =>
      error instanceof GraphQLError ? error.toJSON() : { message: (error as Error).message },
    ),
  });
}

/** What a client has of an answer in parts: each part's data in its place. */
async function putTogether({ initial, subsequent }: IncrementalAnswer): Promise<Answer> {
  const { data, errors = [] } = JSON.parse(JSON.stringify(initial)) as Answer;
  const all = [...errors];
  for await (const { incremental = [] } of subsequent)
    for (const part of incremental) {
      all.push(...(part.errors ?? []));
      let place: unknown = data;
      // A part may have made null what another has parts of.
      for (const step of part.path) place = (place as Record<string | number, unknown> | null)?.[step] ?? null;
      if (place !== null && part.data) merge(place as Thing, JSON.parse(JSON.stringify(part.data)) as Thing);
    }
  return { data, errors: all };
}

function merge(target: Thing, source: Thing): void {
  for (const [key, value] of Object.entries(source)) {
    const known = target[key];
    if (typeof known === "object" && known !== null && typeof value === "object" && value !== null)
      merge(known as Thing, value as Thing);
    else target[key] = value;
  }
}

/** Plain objects, and no empty list of errors. */
function plain({ data, errors }: { data?: Answer["data"]; errors?: readonly GraphQLFormattedError[] }): Answer {
  const answer = JSON.parse(JSON.stringify({ data, errors: errors?.length ? errors : undefined })) as Answer;
  return answer;
}
