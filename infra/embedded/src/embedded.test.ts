import { startAtrium, temporaryData, waitFor, type Atrium, type DataDirectory } from "@atrium/testing";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, connect, type AddressInfo } from "node:net";
import path from "node:path";
import { ownDocuments } from "./demonstration";

jest.setTimeout(120_000);

const root = path.resolve(__dirname, "../../..");
const running: Atrium[] = [];
const folders: DataDirectory[] = [];

function newData(): string {
  const folder = temporaryData();
  folders.push(folder);
  return folder.path;
}

async function start(...[options]: Parameters<typeof startAtrium>): Promise<Atrium> {
  const atrium = await startAtrium(options);
  running.push(atrium);
  return atrium;
}

afterEach(async () => {
  for (const atrium of running.splice(0)) if (isAlive(atrium.process.pid!)) await atrium.kill({ sparing: "database" });
  for (const folder of folders.splice(0)) await folder.remove();
});

const postmasterOf = (folder: string) =>
  Number(readFileSync(path.join(folder, "postgres/data/postmaster.pid"), "utf8").split("\n")[0]);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(existsSync("/proc") ? readFileSync(`/proc/${pid}/status`, "utf8") : "");
  } catch {
    return false;
  }
}

/** What a start says that doesn't get ready. */
const refusal = (options: Parameters<typeof startAtrium>[0]) =>
  startAtrium(options).then(
    async (atrium) => {
      await atrium.stop();
      throw new Error("It started.");
    },
    (error: Error) => error.message,
  );

test("Ctrl-C ends everything, the database included, and says that all is well", async () => {
  const folder = newData();
  const atrium = await start({ dataDirectory: folder });
  const { data } = await atrium.client().send("{ __typename }");
  expect(data).toEqual({ __typename: "Query" });
  const postmaster = postmasterOf(folder);
  expect(isAlive(postmaster)).toBe(true);

  expect(await atrium.stop()).toBe(0);
  expect(isAlive(postmaster)).toBe(false);
  expect(existsSync(path.join(folder, "running.pid"))).toBe(false);
  await expect(fetch(atrium.url)).rejects.toThrow();
  expect(atrium.output()).not.toMatch(/"level":[456]0/);
});

test("a running request is waited for, and a second Ctrl-C doesn't", async () => {
  const folder = newData();
  const atrium = await start({ dataDirectory: folder });
  const postmaster = postmasterOf(folder);
  const { hostname, port } = new URL(atrium.url);
  const slow = connect(Number(port), hostname).on("error", () => {});
  slow.write("POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
  await waitFor(() => slow.bytesWritten > 0);
  const ended = new Promise((resolve) => atrium.process.once("exit", resolve));

  await new Promise((resolve) => setTimeout(resolve, 100));
  atrium.process.kill("SIGINT");
  await waitFor(() => atrium.output().includes("Stopping"));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(isAlive(atrium.process.pid!)).toBe(true);
  atrium.process.kill("SIGINT");
  expect(await ended).toBe(130);
  await waitFor(() => !isAlive(postmaster));
  slow.destroy();
});

test("a second start on the same data is told who has it, and disturbs nobody", async () => {
  const folder = newData();
  const atrium = await start({ dataDirectory: folder });
  expect(await refusal({ dataDirectory: folder })).toMatch(
    new RegExp(
      `exit code 1:\\s+Atrium is already running on the data in ${folder} \\(process ${atrium.process.pid}\\)\\. Stop it first, .*\n$`,
    ),
  );
  expect((await fetch(`${atrium.origin}/ready`)).status).toBe(200);
  expect(await atrium.stop()).toBe(0);
});

test("a taken port is told before anything is started", async () => {
  const folder = newData();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  for (const HOST of ["127.0.0.1", "localhost"])
    expect(await refusal({ dataDirectory: folder, env: { PORT: String(port), HOST } })).toMatch(
      new RegExp(
        `exit code 1:\\s+Port ${port} is taken\\. Stop what uses it, or choose another: PORT=\\d+ npm start\n$`,
      ),
    );
  expect(readdirSync(folder)).toEqual(["installation.json"]);
  other.close();
});

test("every setting that isn't usable is named", async () => {
  const said = await refusal({ dataDirectory: newData(), env: { PORT: "harbour", ATRIUM_DEMO: "maybe" } });
  expect(said).toMatch(/PORT: .*\n.*ATRIUM_DEMO: /);
  expect(said).toMatch(/exit code 1/);
});

test("after kill -9 the next start takes over the database that was left, or recovers it", async () => {
  const folder = newData();
  const first = await start({ dataDirectory: folder });
  const left = postmasterOf(folder);
  await first.kill({ sparing: "database" });
  expect(isAlive(left)).toBe(true);

  const second = await start({ dataDirectory: folder });
  expect(postmasterOf(folder)).toBe(left);
  await second.kill();

  const third = await start({ dataDirectory: folder });
  expect((await fetch(`${third.origin}/ready`)).status).toBe(200);
  expect(await third.stop()).toBe(0);
  expect(isAlive(left)).toBe(false);
});

test("two installations run side by side", async () => {
  const both = await Promise.all([start({ dataDirectory: newData() }), start({ dataDirectory: newData() })]);
  const signUp = `mutation ($input: SignUpInput!) { signUp(input: $input) { accessToken userErrors { code } } }`;
  for (const atrium of both) {
    const input = { email: "same@example.com", password: "the same long passphrase", name: "Same" };
    const { signUp: answer } = await atrium.client().ask(signUp, { input });
    expect(answer).toEqual({ accessToken: expect.any(String), userErrors: [] });
  }
  expect(await Promise.all(both.map((atrium) => atrium.stop()))).toEqual([0, 0]);
});

describe("the demonstration", () => {
  const contents = `{
    knowledgeBases { edges { node { id name documents { edges { node { filename status } } } } } }
    chatbots { edges { node { id name guestAccess } } }
    chatbotDrafts { edges { node { id } } }
  }`;
  const authenticate = "accessToken viewer { id organization { id } workspace { id } } userErrors { code }";

  /** Kills a start so many milliseconds after it has begun to make the demonstration. */
  async function killedWhileMaking(folder: string, afterMs: number): Promise<void> {
    const child: ChildProcess = spawn(process.execPath, [path.join(root, "infra/embedded/dist/main.js")], {
      env: { ...process.env, NODE_ENV: "production", PORT: "0", HOST: "127.0.0.1", ATRIUM_DATA: folder },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    let output = "";
    child.stdout!.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await waitFor(() => output.includes("Making the demonstration"), 60_000, 5);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    child.kill("SIGKILL");
    await ended;
  }

  test("is made once, also when its making is killed again and again", async () => {
    const folder = newData();
    for (const afterMs of [20, 150, 300, 500, 800]) await killedWhileMaking(folder, afterMs);

    const atrium = await start({ dataDirectory: folder, env: { ATRIUM_DEMO: "on" } });
    const [, password] = /password {2}(\S+)/.exec(atrium.output()) ?? [];
    const kept = path.join(folder, "demonstration.json");
    expect(JSON.parse(readFileSync(kept, "utf8"))).toMatchObject({ email: "demo@atrium.example", password });
    expect(statSync(kept).mode & 0o077).toBe(0);

    const { signIn } = await atrium
      .client()
      .ask(`mutation ($input: SignInInput!) { signIn(input: $input) { ${authenticate} } }`, {
        input: { email: "demo@atrium.example", password },
      });
    const made = await atrium.client(signIn.accessToken).ask(contents);
    const files = ownDocuments().map(({ filename }) => filename);
    const [base, ...moreBases] = made.knowledgeBases.edges;
    expect(moreBases).toEqual([]);
    const documents = base.node.documents.edges.map(({ node }: { node: { filename: string } }) => node);
    expect(documents.map(({ filename }: { filename: string }) => filename).sort()).toEqual(files.sort());
    expect(new Set(documents.map(({ status }: { status: string }) => status))).toEqual(new Set(["INGESTED"]));
    expect(made.chatbots.edges).toHaveLength(1);
    expect(made.chatbots.edges[0].node.guestAccess).toBe(true);
    expect(made.chatbotDrafts.edges).toEqual([]);
    expect(await atrium.stop()).toBe(0);

    const again = await start({ dataDirectory: folder, env: { ATRIUM_DEMO: "on" } });
    expect(again.output()).not.toContain("Making the demonstration");
    expect(again.output()).toContain(password);
    const after = await again.client(signIn.accessToken).ask(contents);
    expect(after).toEqual(made);
    if (process.platform === "linux") {
      const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${again.process.pid}/status`, "utf8"))![1]) / 1024;
      console.log(`Memory of the embedded shape, idle, without PostgreSQL: ${Math.round(rss)} MB`);
      expect(rss).toBeLessThan(600);
    }
    expect(await again.stop()).toBe(0);
  });

  test("its bot answers a guest from the product's own documents, and cites them", async () => {
    const atrium = await start({ dataDirectory: newData(), env: { ATRIUM_DEMO: "on" } });
    const [, chatbotId] = /bot {7}(\S+)/.exec(atrium.output()) ?? [];
    const { signInAsGuest } = await atrium.client().ask(`mutation { signInAsGuest { ${authenticate} } }`);
    const guest = atrium.client(signInAsGuest.accessToken);
    const { startConversation } = await guest.ask(
      `mutation ($input: StartConversationInput!) { startConversation(input: $input) { conversation { id } } }`,
      { input: { chatbotId } },
    );
    const conversationId = startConversation.conversation.id;
    await guest.ask(`mutation ($input: SendMessageInput!) { sendMessage(input: $input) { userErrors { code } } }`, {
      input: { conversationId, text: "For how long is an access token valid?", idempotencyKey: "first" },
    });
    interface Message {
      author: string;
      text: string;
      citations: { documentTitle: string; quote: string }[];
    }
    const answer = await waitFor<Message | undefined>(async () => {
      const { conversation } = await guest.ask<{ conversation: { messages: { edges: { node: Message }[] } } }>(
        `query ($id: ID!) {
          conversation(id: $id) { messages { edges { node { author text citations { documentTitle quote } } } } }
        }`,
        { id: conversationId },
      );
      return conversation.messages.edges.map(({ node }) => node).find(({ author }) => author === "CHATBOT");
    });
    expect(answer.text).toMatch(/fifteen minutes/);
    expect(answer.citations[0]).toMatchObject({ documentTitle: "Roles and permissions" });
    expect(await atrium.stop()).toBe(0);
  });
});
