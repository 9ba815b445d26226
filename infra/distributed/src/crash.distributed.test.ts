import { actorHeader, actorKeyFor, signActor, systemActor } from "@atrium/access";
import {
  allProcesses,
  conversationEvents,
  createdKnowledgeBase,
  ingested,
  ingestionProgress,
  killAll,
  messagesOf,
  publishedChatbot,
  sentMessage,
  signedUp,
  startAtrium,
  startedConversation,
  temporaryData,
  waitFor,
  type Atrium,
  type Caller,
  type ConversationEvent,
  type DataDirectory,
  type GraphQLClient,
  type RunningProcess,
  type SourceFile,
} from "@atrium/testing";
import { readFileSync } from "node:fs";
import path from "node:path";

// One world for all of it: what is killed in one test has healed before the next.
jest.setTimeout(180_000);

const handbook: SourceFile = {
  filename: "handbook.md",
  contentType: "text/markdown",
  content: Buffer.from("# Handbook\n\n## Concrete\n\nFresh concrete is kept moist for at least five days.\n"),
};
const question = "How long is fresh concrete kept moist?";
const answer = "Fresh concrete is kept moist for at least five days.";
const env = { CHAT_RATE_LIMIT_FACTOR: "1000", IDENTITY_RATE_LIMIT_FACTOR: "1000" };
const args = ["--replicas", "knowledge=2,chat=2,gateway=2"];

let data: DataDirectory;
let atrium: Atrium;
let ada: Caller;
let knowledgeBaseId: string;
let chatbotId: string;

beforeAll(async () => {
  data = temporaryData();
  atrium = await startAtrium({ shape: "distributed", dataDirectory: data.path, env, args });
  ada = await signedUp(atrium, "Ada");
  knowledgeBaseId = await createdKnowledgeBase(ada.client);
  await ingested(ada.client, knowledgeBaseId, [handbook]);
  chatbotId = await publishedChatbot(ada.client, { name: "Clerk", knowledgeBaseIds: [knowledgeBaseId] });
});
afterAll(async () => {
  await atrium?.stop();
  await data?.remove();
});

const programs: Record<string, RegExp> = {
  identity: /services\/identity\/dist\/main\.js/,
  tenancy: /services\/tenancy\/dist\/main\.js/,
  knowledge: /services\/knowledge\/dist\/main\.js/,
  chat: /services\/chat\/dist\/main\.js/,
  gateway: /gateway\/dist\/main\.js/,
  postgres: /bin\/postgres /,
  redis: /redis-server/,
  kafka: /kafka\.Kafka /,
};

const processesOf = (part: string): RunningProcess[] =>
  atrium.processes().filter(({ command }) => programs[part]!.test(command));

/** With every replica that there should be. */
async function isReady(): Promise<boolean> {
  const response = await fetch(`${atrium.origin}/ready`);
  return response.status === 200 && !/of \d+ replicas/.test(await response.text());
}
const untilReady = () => waitFor(() => isReady().catch(() => false), 90_000, 100);

/** What a person does in a day: something is uploaded and read, and something is asked and answered. */
async function anOrdinaryDay({ client }: Caller): Promise<void> {
  await ingested(client, await createdKnowledgeBase(client), [handbook]);
  const conversationId = await startedConversation(client, chatbotId);
  await sentMessage(client, conversationId, question);
  await waitFor(async () => (await messagesOf(client, conversationId)).some(({ text }) => text === answer), 30_000);
}

/** Tried until it works: a connection that has just broken may fail one request. */
const eventually = <Value>(work: () => Promise<Value>) => waitFor(async () => [await work()] as [Value], 60_000, 200);

describe("what is killed is missed by name, and comes back", () => {
  const rest = "{ viewer { id } organization: __typename knowledgeBases { nodes { id } } chatbots { nodes { id } } }";

  test.each([
    ["knowledge", "knowledgeBases", "chatbots"],
    ["chat", "chatbots", "knowledgeBases"],
  ])("%s: the rest of the graph answers", async (service, missing, there) => {
    killAll(processesOf(service));
    const { data: given, errors } = await ada.client.send(rest);
    expect(errors.map(({ extensions }) => extensions)).toEqual([{ code: "SERVICE_UNAVAILABLE", service }]);
    expect(given).toMatchObject({ viewer: { id: ada.userId }, [missing]: null, [there]: { nodes: expect.any(Array) } });
    const ready = await fetch(`${atrium.origin}/ready`);
    const { checks } = (await ready.json()) as { checks: Record<string, { ok: boolean }> };
    expect([ready.status, checks[service]?.ok, checks["identity"]?.ok]).toEqual([503, false, true]);
    await untilReady();
    await eventually(() => anOrdinaryDay(ada));
  });

  test.each(["identity", "tenancy"])(
    "%s: nobody gets in who can't be checked, and nobody is signed out",
    async (service) => {
      killAll(processesOf(service));
      const { status, data: given, errors } = await ada.client.send("{ knowledgeBases { nodes { id } } }");
      expect([status, given, errors[0]?.extensions?.code]).toEqual([503, null, "SERVICE_UNAVAILABLE"]);
      expect(errors[0]?.message).toContain("can't be checked");
      await untilReady();
      await eventually(() => anOrdinaryDay(ada));
    },
  );

  test.each(["gateway", "redis", "kafka", "postgres"])("%s: the day goes on when it is back", async (part) => {
    const killed = processesOf(part);
    expect(killed.length).toBeGreaterThan(0);
    killAll(killed);
    await untilReady();
    await eventually(() => anOrdinaryDay(ada));
    const newcomer = await eventually(() => signedUp(atrium, "Grace"));
    expect(newcomer[0].workspaceId).not.toBeNull();
    expect(processesOf(part).map(({ pid }) => pid)).not.toEqual(expect.arrayContaining(killed.map(({ pid }) => pid)));
  });

  test("and the log says what ended and runs again", () => {
    for (const part of ["identity", "tenancy", "knowledge", "knowledge 2", "chat", "gateway", "redis", "kafka"])
      for (const message of ["A process has ended and is started again.", "A process runs again."])
        expect(atrium.output()).toMatch(new RegExp(`"process":"${part}".*${message}`));
  });
});

describe("several replicas", () => {
  test("with one of them gone, no request that reads fails, and mutations go to the other", async () => {
    const [victim] = processesOf("knowledge");
    let asking = true;
    const failures: unknown[] = [];
    const asked = Array.from({ length: 4 }, async () => {
      for (; asking; await new Promise((resolve) => setTimeout(resolve, 5))) {
        const { errors } = await ada.client.send("{ knowledgeBases { nodes { id name } } }");
        failures.push(...errors);
      }
    });
    killAll([victim!]);
    await eventually(() => anOrdinaryDay(ada));
    await untilReady();
    asking = false;
    await Promise.all(asked);
    expect(failures).toEqual([]);
  });

  test("one that takes connections and does nothing is passed over", async () => {
    const [frozen] = processesOf("knowledge");
    process.kill(frozen!.pid, "SIGSTOP");
    try {
      await waitFor(async () => {
        const started = performance.now();
        for (let i = 0; i < 6; i++) await ada.client.ask("{ knowledgeBases { nodes { id } } }");
        return performance.now() - started < 2_000;
      }, 90_000);
    } finally {
      process.kill(frozen!.pid, "SIGCONT");
    }
    await untilReady();
  });

  test("a subscription hears what happens in another replica, whichever has the socket", async () => {
    for (let round = 0; round < 6; round++) {
      const conversationId = await startedConversation(ada.client, chatbotId);
      const events = ada.client.subscribe<{ conversationEvents: ConversationEvent }>(conversationEvents, {
        conversationId,
      });
      await sentMessage(ada.client, conversationId, question);
      const heard = await events.until(({ conversationEvents: { kind } }) => kind === "ANSWER_DONE", 20_000);
      events.stop();
      expect(heard.map((event) => event.conversationEvents.number)).toEqual(heard.map((_, i) => i + 1));
      expect(heard.map((event) => event.conversationEvents.text).join("")).toContain(answer);
    }
  });

  test("two gateways know at once of a session that was ended at the other, and hear the same events", async () => {
    const [, url] = /A further gateway: (\S+)/.exec(atrium.output())!;
    const { client, email, password } = await signedUp(atrium, "Grace");
    const there = atrium.client(null, url);
    const { signIn } = await there.ask("mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }", {
      input: { email, password },
    });
    const second = atrium.client(signIn.accessToken, url);
    const progress = await givenProgress(second);
    await ingested(client, progress.knowledgeBaseId, [handbook]);
    await progress.subscription.until(({ ingestionProgress: { counts } }) => counts.ingested === 1);
    progress.subscription.stop();
    await second.ask("mutation { signOut { session { id } } }");
    expect((await atrium.client(signIn.accessToken).send("{ viewer { id } }")).status).toBe(401);
    expect((await client.send("{ viewer { id } }")).status).toBe(200);
  });

  async function givenProgress(client: GraphQLClient) {
    const id = await createdKnowledgeBase(client);
    const subscription = client.subscribe<{ ingestionProgress: { counts: { ingested: number } } }>(ingestionProgress, {
      knowledgeBaseId: id,
    });
    await subscription.next();
    return { knowledgeBaseId: id, subscription };
  }
});

describe("live updates", () => {
  test("end with an error when Redis goes, rather than miss something, and can be had again", async () => {
    const conversationId = await startedConversation(ada.client, chatbotId);
    const live = ada.client.subscribe<{ conversationEvents: ConversationEvent }>(conversationEvents, {
      conversationId,
    });
    await sentMessage(ada.client, conversationId, question);
    await live.until(({ conversationEvents: { kind } }) => kind === "ANSWER_DONE");
    killAll(processesOf("redis"));
    await expect(live.until(() => false, 20_000)).rejects.toMatchObject({
      response: { errors: [{ extensions: { code: "SERVICE_UNAVAILABLE" } }] },
    });
    await untilReady();
    const again = ada.client.subscribe<{ conversationEvents: ConversationEvent }>(conversationEvents, {
      conversationId,
    });
    const heard = await again.until(({ conversationEvents: { kind } }) => kind === "ANSWER_DONE");
    again.stop();
    expect(heard.length).toBeGreaterThan(2);
  });

  test("go on when their service comes back: they begin anew with how things stand", async () => {
    const live = ada.client.subscribe(ingestionProgress, { knowledgeBaseId });
    const before = await live.next();
    killAll(processesOf("knowledge"));
    expect(await live.next(30_000)).toEqual(before);
    live.stop();
    await untilReady();
  });
});

describe("a service that is reached directly", () => {
  const body = JSON.stringify({ query: "{ __typename }" });
  const ask = (url: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });

  /** Where the services are, as the supervisor told each of them. */
  function addressOf(service: string): string {
    const environment = readFileSync(`/proc/${processesOf("gateway")[0]!.pid}/environ`, "utf8").split("\0");
    const urls = environment.find((entry) => entry.startsWith("SERVICE_URLS="))!.slice("SERVICE_URLS=".length);
    return urls
      .split(",")
      .find((entry) => entry.startsWith(`${service}=`))!
      .slice(service.length + 1);
  }

  test("answers 401 without the gateway's signature, and to one that was made for another service", async () => {
    const { secret } = JSON.parse(readFileSync(path.join(data.path, "installation.json"), "utf8")) as {
      secret: string;
    };
    const signedFor = (audience: string) =>
      signActor(systemActor("gateway"), { audience, body, key: actorKeyFor(audience, secret) });
    for (const service of ["identity", "tenancy", "knowledge", "chat"]) {
      const url = `${addressOf(service)}/graphql`;
      const other = service === "chat" ? "knowledge" : "chat";
      // The gateway's word on who is ready may be a second old, and what was killed before is just coming back.
      await eventually(() => ask(url));
      expect((await ask(url)).status).toBe(401);
      expect((await ask(url, { authorization: `Bearer ${ada.client.token}` })).status).toBe(401);
      expect((await ask(url, { [actorHeader]: signedFor(other) })).status).toBe(401);
      expect((await ask(url, { [actorHeader]: signedFor(service) })).status).toBe(200);
      expect((await fetch(`${addressOf(service)}/metrics`)).status).toBe(401);
      expect((await fetch(`${addressOf(service)}/health`)).status).toBe(200);
    }
  });
});

describe("the whole", () => {
  test("ends with its parent, whatever kills that, and goes on where it was at the next start", async () => {
    const everything = atrium.processes();
    expect(everything.length).toBeGreaterThan(10);
    atrium.process.kill("SIGKILL");
    const isAlive = ({ pid, command }: RunningProcess) =>
      allProcesses().some((each) => each.pid === pid && each.command === command);
    await waitFor(() => everything.filter(isAlive).length === 0, 60_000, 200).catch(() => {
      throw new Error(`These live on: ${JSON.stringify(everything.filter(isAlive))}`);
    });

    atrium = await startAtrium({ shape: "distributed", dataDirectory: data.path, env, args });
    await anOrdinaryDay({ ...ada, client: atrium.client(ada.client.token) });
  });

  test("is taken over by a start that comes at once, before anything has ended", async () => {
    atrium.process.kill("SIGKILL");
    atrium = await startAtrium({ shape: "distributed", dataDirectory: data.path, env, args });
    await anOrdinaryDay({ ...ada, client: atrium.client(ada.client.token) });
    await untilReady();
  });

  test("ends in good order, and leaves nothing running", async () => {
    const everything = atrium.processes();
    expect(await atrium.stop()).toBe(0);
    const left = allProcesses().filter(({ pid, command }) =>
      everything.some((each) => each.pid === pid && each.command === command),
    );
    expect(left).toEqual([]);
  });
});
