import { composeServices } from "@apollo/composition";
import { parse } from "graphql";

const federation = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])\n`;
const subgraphs = 10;

/** A supergraph of a thousand object types in ten subgraphs, each entity with fields of two of them. */
export function bigSupergraph(types: number, url: string): string {
  const services = Array.from({ length: subgraphs }, (_, at) => {
    const own = Array.from({ length: types / subgraphs }, (_, n) => at + n * subgraphs);
    const neighbours = own.map((n) => (n + 1) % types);
    const fields = own.map((n) => `thing${n}: Thing${n}`).join("\n");
    const definitions = own.map(
      (n) => `type Thing${n} @key(fields: "id") { id: ID!, name: String, count: Int, next: Thing${(n + 1) % types} }`,
    );
    const extensions = neighbours.map((n) => `type Thing${n} @key(fields: "id") { id: ID!, note${at}: String }`);
    return {
      name: `part${at}`,
      url,
      typeDefs: parse(`${federation} type Query { ${fields} }\n${[...definitions, ...extensions].join("\n")}`),
    };
  });
  const { supergraphSdl, errors } = composeServices(services);
  if (errors) throw new Error(errors.join("\n"));
  return supergraphSdl;
}
