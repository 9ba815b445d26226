import type { Actor } from "@atrium/access";
import { docxParts, wordParagraph, zip } from "../../fixtures/make";
import {
  addDocuments,
  ask,
  eventually,
  givenBaseWith,
  givenKnowledgeBase,
  givenUpload,
  markdown,
  memberOf,
  startWorld,
  type World,
} from "../testing/world";

let world: World;
const ada = memberOf("org_ada");
const eve = memberOf("org_eve");

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world?.stop());

const open: { return?(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const events of open.splice(0)) await events.return!();
  await eventually(async () => world.topics.stats().subscribers === 0);
});

type ExecutionResult = Awaited<ReturnType<World["subgraph"]["execute"]>>;

interface Progress {
  counts: { queued: number; ingesting: number; ingested: number; failed: number };
  document: { id: string; status: string; passageCount: number } | null;
}

const query = `subscription ($id: ID!) { ingestionProgress(knowledgeBaseId: $id) {
  counts { queued ingesting ingested failed } document { id status passageCount } } }`;

async function watch(actor: Actor, id: string) {
  const events = await world.subgraph.subscribe({ query, variables: { id }, actor, requestId: "test" });
  if (!(Symbol.asyncIterator in events)) return { refused: (events as ExecutionResult).errors![0]!.extensions };
  open.push(events);
  const next = async () => {
    const { value, done } = await events.next();
    if (done) return null;
    const { data, errors } = value as ExecutionResult;
    if (errors) throw Object.assign(new Error(errors[0]!.message), errors[0]!.extensions);
    return data!.ingestionProgress as Progress;
  };
  return { events, next };
}

const none = { queued: 0, ingesting: 0, ingested: 0, failed: 0 };

test("says how things stand at once, each change, and ends at the truth", async () => {
  const { base } = await givenBaseWith(world, ada, markdown("old.md", "# Old\n\nHere before."));
  const watched = await watch(ada, base);
  expect(await watched.next!()).toEqual({ counts: { ...none, ingested: 1 }, document: null });

  const blank = {
    filename: "blank.docx",
    contentType: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    content: zip(docxParts(wordParagraph(" "))),
  };
  const files = [markdown("a.md", "# A\n\nAlpha."), markdown("b.md", "# B\n\nBeta."), blank];
  const uploads = await Promise.all(files.map((file) => givenUpload(world, ada, file)));
  const { payload } = await addDocuments(world, ada, base, uploads);
  const seen: Progress[] = [];
  while (seen.at(-1)?.counts.ingested !== 3 || seen.at(-1)!.counts.failed !== 1) seen.push((await watched.next!())!);
  expect(seen.at(-1)!.counts).toEqual({ ...none, ingested: 3, failed: 1 });
  for (const { id } of payload!.documents!) {
    const states = seen.filter(({ document }) => document?.id === id).map(({ document }) => document!.status);
    expect(states.at(-1)).toMatch(/INGESTED|FAILED/);
  }
  const counted = seen.map(({ counts }) => counts.ingested + counts.failed);
  expect(counted).toEqual([...counted].sort((a, b) => a - b));
});

test("a deleted document is told as a change without a document", async () => {
  const { base, documents } = await givenBaseWith(world, ada, markdown("a.md", "# A\n\nAlpha."));
  const watched = await watch(ada, base);
  await watched.next!();
  await ask(
    world,
    ada,
    `mutation { deleteDocument(input: { documentId: "${documents[0]!.id}" }) { deletedDocumentId } }`,
  );
  expect(await watched.next!()).toEqual({ counts: none, document: null });
});

test("is refused before it begins to whoever may not read the base", async () => {
  const base = await givenKnowledgeBase(world, ada);
  expect(await watch(eve, base)).toMatchObject({ refused: { code: "NOT_FOUND" } });
  expect(await watch({ ...ada, permissions: ["chatbots:read"] }, base)).toMatchObject({
    refused: { code: "FORBIDDEN" },
  });
  expect(await watch({ kind: "ANONYMOUS" }, base)).toMatchObject({ refused: { code: "UNAUTHENTICATED" } });
  expect(await watch(ada, "kb_1")).toMatchObject({ refused: { code: "BAD_USER_INPUT", field: "knowledgeBaseId" } });
});

test("tells nothing more once the base is deleted, and ends", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const watched = await watch(ada, base);
  await watched.next!();
  await ask(
    world,
    ada,
    `mutation { deleteKnowledgeBase(input: { knowledgeBaseId: "${base}" }) { deletedKnowledgeBaseId } }`,
  );
  await expect(watched.next!()).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await watched.next!()).toBeNull();
});

test("stops listening when whoever watched is gone", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const left = await watch(ada, base);
  await left.next!();
  expect(world.topics.stats().subscribers).toBe(1);
  await left.events!.return!();
  await eventually(async () => world.topics.stats().subscribers === 0);
  const abort = new AbortController();
  const { signal } = abort;
  await world.subgraph.subscribe({ query, variables: { id: base }, actor: ada, requestId: "test", signal });
  abort.abort();
  await eventually(async () => world.topics.stats().subscribers === 0);
});

test("what happens in other bases isn't told", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const watched = await watch(ada, base);
  await watched.next!();
  await givenBaseWith(world, ada, markdown("a.md", "# A\n\nAlpha."));
  await givenBaseWith(world, eve, markdown("a.md", "# A\n\nAlpha."));
  const next = watched.next!();
  const upload = await givenUpload(world, ada, markdown("b.md", "# B\n\nBeta."));
  const { payload } = await addDocuments(world, ada, base, [upload]);
  expect((await next)!.document!.id).toBe(payload!.documents![0]!.id);
});
