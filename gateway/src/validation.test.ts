import { createClient } from "graphql-ws";
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import WebSocket from "ws";
import { startHouse, type House } from "./testing/world";

let house: House;
let token: string;
const start = async (options: Parameters<typeof startHouse>[0] = {}) => {
  house = await startHouse(options);
  ({ token } = house.world.signIn("usr_ada"));
};
afterEach(() => house.close());

const invalid = "{ viewer { x: id x: name } documents { nothing } documents(first: true) { id } }";
const told = [
  'Cannot query field "nothing" on type "Document".',
  "Int cannot represent non-integer value: true",
  'Fields "x" conflict because "id" and "name" are different fields. Use different aliases on the fields to fetch both if this was intentional.',
  'Fields "documents" conflict because they have differing arguments. Use different aliases on the fields to fetch both if this was intentional.',
];

describe.each(["own", "stock"] as const)("with the %s executor", (executor) => {
  test("what isn't valid isn't run, whichever way it comes and however often, and is told whole", async () => {
    await start({ executor });
    const headers = { "content-type": "application/json", "apollo-require-preflight": "true" };
    const persistedQuery = { version: 1, sha256Hash: createHash("sha256").update(invalid).digest("hex") };
    const post = (body: object, accept = "application/graphql-response+json") =>
      fetch(house.endpoint, {
        method: "POST",
        headers: { ...headers, accept, authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      });
    house.world.asked.length = 0;
    for (let round = 0; round < 2; round++)
      for (const answer of [
        await post({ query: invalid }),
        await fetch(`${house.endpoint}?query=${encodeURIComponent(invalid)}`, {
          headers: { ...headers, accept: "application/graphql-response+json" },
        }),
        await post({ query: invalid, extensions: { persistedQuery } }),
      ]) {
        expect(answer.status).toBe(400);
        const { data, errors } = (await answer.json()) as {
          data?: unknown;
          errors: { message: string; extensions: object; locations: unknown }[];
        };
        expect(data).toBeUndefined();
        expect(errors.map(({ message }) => message).sort()).toEqual([...told].sort());
        for (const { extensions, locations } of errors) {
          expect(extensions).toEqual({ code: "GRAPHQL_VALIDATION_FAILED" });
          expect(locations).toBeTruthy();
        }
      }
    // It wasn't kept under its hash either.
    const byHash = (await (await post({ extensions: { persistedQuery } })).json()) as {
      errors: { extensions: { code: string } }[];
    };
    expect(byHash.errors[0]!.extensions.code).toBe("PERSISTED_QUERY_NOT_FOUND");
    expect(await overSocket(invalid)).toMatchObject(
      told.map(() => ({ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } })),
    );
    expect(house.world.asked).toEqual([]);
  });
});

test("with streams too", async () => {
  await start();
  const answer = await fetch(house.endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "multipart/mixed;deferSpec=20220824, application/json",
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query: invalid }),
  });
  expect(await answer.text()).toContain("GRAPHQL_VALIDATION_FAILED");
  expect(house.world.asked).toEqual([]);
});

test("an operation that its client may not send is refused by its code", async () => {
  const manifest = path.join(mkdtempSync(path.join(tmpdir(), "operations-")), "operations.json");
  const body = "{ viewer { id } }";
  const operations = [{ id: "1", name: "Known", type: "query", body }];
  writeFileSync(manifest, JSON.stringify({ format: "apollo-persisted-query-manifest", version: 1, operations }));
  await start({ operations: { manifest, unknown: "REFUSE" } });
  expect((await house.post(body, { token })).errors).toBeUndefined();
  const { status, errors } = await house.post("{ viewer { name } }", { token });
  expect([status, errors!.map(({ extensions }) => extensions["code"])]).toEqual([403, ["OPERATION_NOT_SAFELISTED"]]);
});

async function overSocket(query: string): Promise<unknown> {
  const client = createClient({
    url: house.socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  try {
    return await new Promise((resolve) =>
      client.subscribe({ query }, { next: resolve, error: resolve, complete: () => resolve(undefined) }),
    );
  } finally {
    await client.dispose();
  }
}
