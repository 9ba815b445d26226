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
import type { Answer, Engine } from "../execution/engine";
import type { Graph } from "../graph/graph";
import { createDocuments, type Documents } from "../graph/documents";
import { openGraph } from "../graph/open-graph";
import type { SubgraphAnswer, SubgraphTransport } from "../subgraphs/transport";
import { loadSupergraph, type LoadedSupergraph } from "../supergraph";

/** Any object of the world's data; `__typename` says what it is where a type alone doesn't. */
export type Thing = { [field: string]: unknown };

/** A graph that is small enough to be held whole, and cut into subgraphs. */
export interface Case {
  name: string;
  subgraphs: Record<string, string>;
  /** Roots (`Query`, `Mutation`) and all entities by their type. Fields may be values, errors, or functions of their arguments and the object. */
  data(): Record<string, Thing | Thing[]>;
  /** Written by hand; the fuzzer makes more. */
  operations: string[];
}

const federation = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@external",
  "@requires", "@provides", "@shareable", "@override", "@inaccessible", "@interfaceObject", "@tag", "@authenticated",
  "@requiresScopes", "@policy"])\n`;

export interface DifferentialHouse {
  graph: Graph;
  sent: string[];
  ours(text: string, variables?: Record<string, unknown>): Promise<Answer>;
  stock(text: string, variables?: Record<string, unknown>): Promise<Answer>;
  /** The same data as one schema, by graphql-js. */
  whole(text: string, variables?: Record<string, unknown>): Promise<Answer>;
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
  const data = given.data();
  const graph = await openGraph(supergraphSdl);
  const stock = loadSupergraph(supergraphSdl);
  const sent: string[] = [];
  const executors = new Map(
    services.map(({ name, typeDefs }) => [
      name,
      subgraphExecutor(typeDefs, data, (query) => sent.push(`${name}: ${query}`)),
    ]),
  );
  const transports = new Map(
    [...executors].map(([name, run]): [string, SubgraphTransport] => [
      name,
      {
        name,
        fetch: async ({ query, variables }) => run(query, variables),
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
    async ours(text, variables) {
      const operation = documents.operationOf(text, undefined);
      const coerced = documents.variablesOf(operation, variables);
      return engine.execute(await engine.prepare(operation, coerced), coerced, aRequest());
    },
    stock: (text, variables = {}) => stockAnswer(stock, executors, text, variables),
    async whole(text, variables = {}) {
      const { data: answered, errors: found } = await execute({
        schema: graph.apiSchema,
        document: parse(text),
        variableValues: variables,
        rootValue: {},
        fieldResolver: (source: Thing, args, _, info) => {
          const isRoot = info.path.prev === undefined;
          return read(isRoot ? (data[info.parentType.name] as Thing) : source, info.fieldName, args as Thing);
        },
        typeResolver: (value: Thing) => String(value.__typename),
      });
      return plain({ data: answered as Answer["data"], errors: found?.map((error) => error.toJSON()) });
    },
    close: () => graph.close(),
  };
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

function read(source: Thing, field: string, args: Thing): unknown {
  const value = source[field];
  return typeof value === "function" ? (value as (args: Thing, self: Thing) => unknown)(args, source) : value;
}

type RunSubgraph = (query: string, variables: Readonly<Record<string, unknown>>) => Promise<SubgraphAnswer>;

function subgraphExecutor(
  typeDefs: DocumentNode,
  data: Record<string, Thing | Thing[]>,
  note: (query: string) => void,
): RunSubgraph {
  const schema = buildSubgraphSchema([{ typeDefs, resolvers: resolversOf(typeDefs, data) as never }]);
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
        read((source as Thing | undefined) ?? (data[info.parentType.name] as Thing), info.fieldName, args as Thing),
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
function resolversOf(typeDefs: DocumentNode, data: Record<string, Thing | Thing[]>) {
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
        const all = (data[type] ??
          Object.values(data)
            .flat()
            .filter((each) => (each as Thing).__as === type)) as Thing[];
        const found = all.find((each) =>
          keys.some((key) => key.every((field) => field in reference && isLike(reference[field], each[field]))),
        );
        if (!found) return null;
        if (found.__absentFrom === type) return null;
        const seen: Thing = { ...found };
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

/** Plain objects, and no empty list of errors. */
function plain({ data, errors }: { data?: Answer["data"]; errors?: GraphQLFormattedError[] }): Answer {
  const answer = JSON.parse(JSON.stringify({ data, errors: errors?.length ? errors : undefined })) as Answer;
  return answer;
}
