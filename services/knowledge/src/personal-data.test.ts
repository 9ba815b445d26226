import { newId } from "@atrium/ids";
import { answerForPeople } from "@atrium/personal-data";
import { forgetKnowledgeBases } from "./knowledge-base/commands";
import { held } from "./personal-data";
import { forgetUploads } from "./upload/commands";
import { memberOf, rows, startWorld, type Member, type World } from "./testing/world";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const erase = (userId: string) =>
  answerForPeople({
    service: "knowledge",
    held,
    database: world.database,
    now: () => new Date(),
    emailsOf: async () => [],
  } as unknown as Parameters<typeof answerForPeople>[0]).tasks.erasePersonalData({
    erasureId: newId("era"),
    userId,
    attempt: 1,
  });

async function given(member: Member): Promise<string> {
  const run = async (query: string) => {
    const { data, errors } = await world.subgraph.execute({ query, actor: member, requestId: "test" });
    if (errors) throw new Error(JSON.stringify(errors));
    return data as Record<string, Record<string, { id: string }>>;
  };
  await run(
    `mutation { createUpload(input: { filename: "secret.md", sizeBytes: 10, contentType: "text/markdown" }) { upload { id } } }`,
  );
  return (await run(`mutation { createKnowledgeBase(input: { name: "Papers" }) { knowledgeBase { id } } }`))
    .createKnowledgeBase!.knowledgeBase!.id;
}

test("uploads are gone, bases stay and no longer say who made them; nobody else's are touched", async () => {
  const [ada, bob] = [memberOf("org_ada1"), memberOf("org_bob1")];
  const [hers, his] = [await given(ada), await given(bob)];
  await erase(ada.userId);
  const read = "select created_by_id as by from knowledge_base where id = $1";
  expect(await rows(world, ada, read, [hers])).toEqual([{ by: "erased" }]);
  expect(await rows(world, bob, read, [his])).toEqual([{ by: bob.userId }]);
  expect(await rows(world, ada, "select id from upload")).toEqual([]);
  expect(await rows(world, bob, "select id from upload")).toHaveLength(1);
});

test("acting for one person, the service sees that person's rows alone", async () => {
  const [ada, bob] = [memberOf("org_ada2"), memberOf("org_bob2")];
  await given(ada);
  await given(bob);
  const service = world.database.asService({ userId: ada.userId });
  const found = await service.sql<{ by: string }>(
    "select created_by_id as by from knowledge_base where created_by_id <> 'erased'",
  );
  expect(found).toEqual([{ by: ada.userId }]);
  expect(
    await service.sql("update knowledge_base set created_by_id = 'erased' where created_by_id = $1 returning id", [
      bob.userId,
    ]),
  ).toEqual([]);
  await expect(
    service.sql("update knowledge_base set name = 'x' where created_by_id = $1", [ada.userId]),
  ).rejects.toThrow(/row-level security/);
});

test("a workspace that is gone takes its bases and uploads with it", async () => {
  const [ada, bob] = [memberOf("org_ada3"), memberOf("org_bob3")];
  await given(ada);
  await given(bob);
  const db = world.database.as({ organizationId: ada.organizationId, workspaceId: ada.workspaceId });
  const nothing = { forget() {}, publish() {} };
  await forgetKnowledgeBases({ db, topics: nothing, indexes: nothing, now: () => new Date() } as never);
  await forgetUploads({ db });
  expect(await rows(world, ada, "select id from knowledge_base where deleted_at is null")).toEqual([]);
  expect(await rows(world, ada, "select id from upload")).toEqual([]);
  expect(await rows(world, bob, "select id from knowledge_base where deleted_at is null")).toHaveLength(1);
});
