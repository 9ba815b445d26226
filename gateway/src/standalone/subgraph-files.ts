import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { request } from "undici";
import { z } from "zod";
import type { SubgraphSchema } from "../composition";
import { ConfigError, readConfigFile } from "./config-file";

const fetchTimeoutMs = 15_000;

const schemaPlace = z.union(
  [
    z.strictObject({ file: z.string() }),
    z.strictObject({ sdl: z.string() }),
    z.strictObject({
      subgraph_url: z.url({ protocol: /^https?$/ }),
      introspection_headers: z.record(z.string(), z.string()).default({}),
    }),
  ],
  { error: "is one of `file`, `sdl` and `subgraph_url`" },
);

/** The form of Apollo's `rover supergraph compose --config`. */
const supergraphFile = z.strictObject({
  federation_version: z
    .union([z.string(), z.number()])
    .default("2")
    .refine((version) => /^=?2/.test(String(version)), { message: "only Federation 2 is composed here" }),
  subgraphs: z
    .record(z.string(), z.strictObject({ routing_url: z.string().optional(), schema: schemaPlace }))
    .refine((subgraphs) => Object.keys(subgraphs).length > 0, { message: "there are none" }),
});

/** The subgraphs that a `supergraph.yaml` lists. Files are found from where it lies. */
export async function readSupergraphFile(file: string, env?: NodeJS.ProcessEnv): Promise<SubgraphSchema[]> {
  const { subgraphs } = readConfigFile(file, supergraphFile, env);
  return Promise.all(
    Object.entries(subgraphs).map(async ([name, { routing_url: url, schema }]) => {
      if ("sdl" in schema) return { name, url, sdl: schema.sdl };
      if ("subgraph_url" in schema)
        return {
          name,
          url: url ?? schema.subgraph_url,
          sdl: await sdlOf(name, schema.subgraph_url, schema.introspection_headers),
        };
      return { name, url, ...readSchema(path.resolve(path.dirname(file), schema.file)) };
    }),
  );
}

/** `accounts.graphql`, or `accounts=schemas/a.graphql`: a subgraph is called as its file is unless it is given a name. */
export function readSchemaFiles(given: readonly string[]): SubgraphSchema[] {
  const subgraphs = given.map((each) => {
    const [, named, file] = /^(?:([A-Za-z][\w-]*)=)?(.+)$/s.exec(each)!;
    return { name: named ?? path.basename(file!).replace(/\.(graphqls?|gql)$/, ""), ...readSchema(file!) };
  });
  const names = subgraphs.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new ConfigError(`Two subgraphs are called "${twice}": name one by name=${twice}.graphql.`);
  return subgraphs;
}

function readSchema(file: string): { file: string; sdl: string } {
  const place = path.relative(process.cwd(), file);
  if (!existsSync(file)) throw new ConfigError(`There is no file ${place}.`);
  return { file: place, sdl: readFileSync(file, "utf8") };
}

/** What a running subgraph says of itself (`_service { sdl }` of the federation specification). */
async function sdlOf(name: string, url: string, headers: Record<string, string>): Promise<string> {
  let text: string;
  try {
    const { body } = await request(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ query: "{ _service { sdl } }" }),
      signal: AbortSignal.timeout(fetchTimeoutMs),
    });
    text = await body.text();
  } catch (error) {
    throw new ConfigError(`The subgraph "${name}" can't be asked for its schema: ${(error as Error).message}`);
  }
  const sdl = answered(text)?.data?._service?.sdl;
  if (typeof sdl !== "string") throw new ConfigError(`The subgraph "${name}" doesn't tell its schema at ${url}.`);
  return sdl;
}

function answered(text: string): { data?: { _service?: { sdl?: unknown } } } | null {
  try {
    return JSON.parse(text) as ReturnType<typeof answered>;
  } catch {
    return null;
  }
}
