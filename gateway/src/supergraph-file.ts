import path from "node:path";

/** The committed supergraph, beside both src/ and dist/. */
export const supergraphFile = path.resolve(__dirname, "../supergraph.graphql");
