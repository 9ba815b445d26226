import { startHouse, type House } from "./testing/world";

let house: House;
let token: string;
beforeAll(async () => {
  house = await startHouse();
  ({ token } = house.world.signIn("usr_ada"));
});
afterAll(() => house.close());
beforeEach(() => (house.world.asked.length = 0));
afterEach(() => expect(house.world.asked).toEqual([]));

const nested = (depth: number) => `{ documents { ${"parent { ".repeat(depth)} id ${"} ".repeat(depth)} } }`;

test.each([
  ["a hundred levels deep", nested(100)],
  ["ten thousand levels deep", nested(10_000)],
  ["with 10,000 aliases", `{ ${Array.from({ length: 10_000 }, (_, i) => `a${i}: __typename`).join(" ")} }`],
  ["with 200 aliases", `{ ${Array.from({ length: 200 }, (_, i) => `a${i}: viewer { id }`).join(" ")} }`],
  ["of a million characters", `{ viewer { id } } #${"x".repeat(1_000_000)}`],
  ["with a name of a million characters", `{ ${"x".repeat(1_000_000)} }`],
  ["with 20,000 directives", `{ viewer ${"@include(if: true) ".repeat(20_000)} { id } }`],
  ["with fragments that double each other", fragmentBomb(30)],
  ["with fragments of the root that double each other", rootFragmentBomb(200)],
  [
    "with 60 fields of the root",
    `{ ${Array.from({ length: 60 }, () => "...F").join(" ")} } fragment F on Query { __typename }`,
  ],
  ["of 51 in one text", Array.from({ length: 51 }, (_, i) => `query Q${i} { viewer { id } }`).join(" ")],
  [
    "with a row of fragments that is spread a hundred times",
    `{ viewer { ${"...F0 ".repeat(100)} } } ${fragmentRow(60)}`,
  ],
  ["with a fragment that spreads itself", "{ viewer { ...F } } fragment F on User { id ...F }"],
  ["for pages of pages", `{ documents(first: 100) { title } organization { members(first: 100000) { name role } } }`],
])("an operation %s is refused before it is planned", async (_, query) => {
  const startedAt = performance.now();
  const { status, data, errors } = await house.post(query, { token });
  expect(status).toBe(400);
  expect(data).toBeUndefined();
  expect(errors!.length).toBeLessThanOrEqual(10);
  expect(errors![0]!.extensions["code"]).toBe("OPERATION_TOO_COMPLEX");
  for (const { message } of errors!) expect(message.length).toBeLessThan(600);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test("the size of a page counts where it comes in a variable", async () => {
  const query = "query ($first: Int) { organization { members(first: $first) { id name role } } }";
  expect((await house.post(query, { token, variables: { first: 100 } })).errors).toBeUndefined();
  const { status, errors } = await house.post(query, { token, variables: { first: 1_000_000 } });
  expect([status, errors![0]!.extensions["code"]]).toEqual([400, "OPERATION_TOO_COMPLEX"]);
});

test("a body of more than a megabyte is refused as JSON, whether or not it says its size", async () => {
  const body = JSON.stringify({ query: "{ viewer { id } }", variables: { padding: "x".repeat(1_100_000) } });
  const headers = { "content-type": "application/json" };
  const chunked = new Blob([body]).stream();
  for (const sent of [{ body }, { body: chunked, duplex: "half" as const }]) {
    const response = await fetch(house.endpoint, { method: "POST", headers, ...sent });
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({
      errors: [{ message: "A request may have 1048576 bytes at the most.", extensions: { code: "PAYLOAD_TOO_LARGE" } }],
    });
  }
});

test("validation doesn't repeat a long text to its sender", async () => {
  const { errors } = await house.post(`{ ${"x".repeat(50_000)} }`, { token });
  expect(errors![0]!.extensions["code"]).toBe("GRAPHQL_VALIDATION_FAILED");
  expect(errors![0]!.message.length).toBeLessThan(600);
});

function fragmentBomb(levels: number): string {
  const fragments = Array.from({ length: levels }, (_, i) => `fragment F${i} on User { ...F${i + 1} ...F${i + 1} }`);
  return `{ viewer { ...F0 } } ${fragments.join(" ")} fragment F${levels} on User { id name }`;
}

function fragmentRow(length: number): string {
  const fragments = Array.from({ length }, (_, i) => `fragment F${i} on User { ...F${i + 1} }`);
  return `${fragments.join(" ")} fragment F${length} on User { id }`;
}

function rootFragmentBomb(levels: number): string {
  const fragments = Array.from({ length: levels }, (_, i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`);
  return `{ ...F0 } ${fragments.join(" ")} fragment F${levels} on Query { viewer { id } }`;
}
