import { buildSchema } from "graphql";
import { ownExecutor, stockExecutor } from "./executor";
import { createDocuments } from "./graph/documents";

/** Whatever Apollo Server, or a plugin of it, says of a document: what is run is what our documents found valid. */
test("an executor that is handed a document which nobody validated runs nothing", async () => {
  const schema = buildSchema("type Query { viewer: User } type User { id: ID name: String }");
  const documents = createDocuments({ schema, introspection: true });
  const unreached = new Proxy(
    {},
    {
      get() {
        throw new Error("Nothing of this is to be asked.");
      },
    },
  ) as never;
  const shared = { permit: unreached, documents };
  const context = { log: unreached };
  for (const execute of [
    ownExecutor({ ...shared, engine: unreached, charge: unreached }),
    stockExecutor({
      ...shared,
      supergraph: unreached,
      subgraphs: new Map(),
      authentication: unreached,
      metrics: unreached,
    }),
  ]) {
    const answer = await execute({
      request: {},
      source: "{ viewer { x: id x: name } }",
      document: { kind: "Document", definitions: [] },
      context,
    } as never);
    expect(answer.data).toBeUndefined();
    expect(answer.errors!.map(({ extensions }) => extensions["code"])).toEqual(["GRAPHQL_VALIDATION_FAILED"]);
  }
});
