import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connectSubgraph, ReplicaPools, Replicas } from ".";
import { ada, secret } from "./testing/library";

const servers: Server[] = [];
const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A replica, and how often each path was asked for. */
async function replica(answer: RequestListener, port = 0) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

const ok: RequestListener = (_, response) => response.end('{"data":{"done":1}}');
const broken: RequestListener = (request) => request.socket.destroy();
const stopping: RequestListener = (_, response) => response.writeHead(503).end("{}");
const nowhere = "http://127.0.0.1:1";

function poolsOf(urls: string[]): ReplicaPools {
  const replicas = new Replicas(urls);
  const pools = new ReplicaPools(replicas, { connections: 4 });
  closings.push(
    () => pools.destroy(),
    () => replicas.close(),
  );
  return pools;
}

const get = async (pools: ReplicaPools, again = true) => {
  const { statusCode, body } = await pools.request({ method: "GET", path: "/" }, { again });
  await body.dump();
  return statusCode;
};

test("replicas are asked in turn", async () => {
  const all = await Promise.all([replica(ok), replica(ok), replica(ok)]);
  const pools = poolsOf(all.map(({ url }) => url));
  for (let i = 0; i < 9; i++) await get(pools);
  expect(all.map(({ asked }) => asked.length)).toEqual([3, 3, 3]);
});

test("one that isn't there is passed over, for whatever is asked, and rests", async () => {
  const there = await replica(ok);
  const pools = poolsOf([nowhere, there.url]);
  for (let i = 0; i < 6; i++) expect(await get(pools, false)).toBe(200);
  expect(there.asked).toHaveLength(6);
});

test("one that comes back is asked again", async () => {
  const first = await replica(ok);
  const second = await replica(ok);
  const { port } = new URL(second.url);
  const pools = poolsOf([first.url, second.url]);
  second.server.closeAllConnections();
  await new Promise((resolve) => second.server.close(resolve));
  for (let i = 0; i < 4; i++) expect(await get(pools)).toBe(200);
  const back = await replica(ok, Number(port));
  for (const deadline = Date.now() + 15_000; back.asked.length === 0 && Date.now() < deadline;) await get(pools);
  expect(back.asked).toContain("/");
});

test("one that breaks off is asked again elsewhere only for what may be done twice", async () => {
  const [breaking, sound] = await Promise.all([replica(broken), replica(ok)]);
  expect(await get(poolsOf([breaking.url, sound.url]), true)).toBe(200);
  await expect(get(poolsOf([breaking.url, sound.url]), false)).rejects.toThrow();
});

test("one that is stopping has begun nothing, so another one is asked, and the last one's refusal is the answer", async () => {
  const [leaving, sound] = await Promise.all([replica(stopping), replica(ok)]);
  expect(await get(poolsOf([leaving.url, sound.url]), false)).toBe(200);
  expect(await get(poolsOf([leaving.url]), false)).toBe(503);
});

test("one that takes requests and never answers is found out without being asked for anything else", async () => {
  const [silent, sound] = await Promise.all([replica(() => {}), replica(ok)]);
  const pools = poolsOf([silent.url, sound.url]);
  // Whoever asked it before that is answered by the other one.
  expect(await get(pools)).toBe(200);
  for (const deadline = Date.now() + 20_000; silent.asked.length < 1 && Date.now() < deadline;)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(silent.asked).toContain("/health");
  // Until the check has given it up.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  for (let i = 0; i < 4; i++) expect(await get(pools)).toBe(200);
  expect(silent.asked.filter((path) => path === "/")).toHaveLength(1);
}, 30_000);

test("a mutation whose answer is missing isn't sent again, a query is", async () => {
  const [breaking, sound] = await Promise.all([replica(broken), replica(ok)]);
  const asking = (query: string) => ({ query, actor: ada, requestId: "req_1" });
  for (const [query, done] of [
    ["{ done }", true],
    ["query Named { done }", true],
    ["mutation { done }", false],
    ["# first a comment\nmutation { done }", false],
  ] as const) {
    const remote = connectSubgraph({ name: "library", url: [breaking.url, sound.url], secret });
    closings.push(() => remote.close());
    const { data, errors } = await remote.execute(asking(query));
    expect([query, data?.done, errors?.[0]?.extensions]).toEqual([
      query,
      done ? 1 : undefined,
      done ? undefined : { code: "SERVICE_UNAVAILABLE", service: "library" },
    ]);
  }
});

test("a body that is a stream is sent once", async () => {
  const [leaving, sound] = await Promise.all([replica(stopping), replica(ok)]);
  const pools = poolsOf([leaving.url, sound.url]);
  const body = (async function* () {
    yield Buffer.from("a file");
  })();
  const { Readable } = await import("node:stream");
  const response = await pools.request({ method: "PUT", path: "/", body: Readable.from(body) }, { again: true });
  await response.body.dump();
  expect([response.statusCode, sound.asked]).toEqual([503, []]);
});
