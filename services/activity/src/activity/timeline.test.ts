import {
  conversationClosed,
  conversationStarted,
  documentDeleted,
  documentIngested,
  documentUploaded,
  invitationSent,
  knowledgeBaseCreated,
  membershipGranted,
  messageReceived,
  passwordChanged,
  projectCreated,
  userSignedIn,
  userSignInRefused,
} from "@atrium/events";
import { newId } from "@atrium/ids";
import { eventOf, givenPlace, member, startTestActivity, type Service } from "../testing";

let service: Service;
beforeAll(async () => void (service = await startTestActivity()));
afterAll(() => service.stop());

const query = `query ($subject: ID, $user: ID, $workspace: ID, $first: Int, $after: String) {
  timeline(subjectId: $subject, userId: $user, workspaceId: $workspace, first: $first, after: $after) {
    nodes { id kind happenedAt subjectType subjectId actor { id } person { id } subject { __typename ... on Document { id } } }
    pageInfo { endCursor hasNextPage }
  }
}`;

interface Line {
  kind: string;
  subjectId: string;
  actor: { id: string } | null;
  person: { id: string } | null;
  subject: { __typename: string } | null;
}
interface Answer {
  timeline: { nodes: Line[]; pageInfo: { endCursor: string; hasNextPage: boolean } };
}

const linesFor = async (actor: Parameters<Service["run"]>[0], variables: object = {}) =>
  (await service.run<Answer>(actor, query, variables)).timeline.nodes;
const kindsFor = async (...args: Parameters<typeof linesFor>) => (await linesFor(...args)).map(({ kind }) => kind);

const base = () => newId("kb");
const uploaded = (documentId = newId("doc"), knowledgeBaseId = base()) =>
  documentUploaded({ documentId, knowledgeBaseId, contentType: "text/plain", sizeBytes: 10 });
const started = (participantId: string | null, conversationId = newId("cnv")) =>
  conversationStarted({ conversationId, chatbotId: newId("bot"), participantId, channel: "CONSOLE" });

test("a line says what happened, to what, whose act it was and whom it is about; newest first", async () => {
  const place = givenPlace();
  const ada = member(place);
  const documentId = newId("doc");
  await service.hear(
    eventOf(uploaded(documentId), { ...place, userId: ada.userId, at: "2026-11-20T10:00:00Z" }),
    eventOf(started("usr_x"), { ...place, userId: "usr_x", at: "2026-11-20T10:00:01Z" }),
  );
  expect(await linesFor(ada)).toMatchObject([
    { kind: "CONVERSATION_STARTED", happenedAt: "2026-11-20T10:00:01.000Z", person: { id: "usr_x" } },
    {
      kind: "DOCUMENT_ADDED",
      subjectType: "DOCUMENT",
      subjectId: documentId,
      actor: { id: ada.userId },
      person: null,
      subject: { __typename: "Document", id: documentId },
    },
  ]);
});

test("messages make no lines: they would drown the rest", async () => {
  const place = givenPlace();
  const message = messageReceived({ conversationId: newId("cnv"), chatbotId: newId("bot"), messageId: newId("msg") });
  await service.hear(eventOf(message, place));
  expect(await linesFor(member(place))).toEqual([]);
});

test("nobody sees a line about what they couldn't open", async () => {
  const place = givenPlace();
  await service.hear(
    eventOf(uploaded(), place),
    eventOf(knowledgeBaseCreated({ knowledgeBaseId: base() }), place),
    eventOf(started(newId("usr")), place),
    eventOf(projectCreated({ projectId: newId("prj") }), place),
    eventOf(
      membershipGranted({ membershipId: "wmem_1", userId: "usr_1", workspaceId: place.workspaceId, role: "editor" }),
      place,
    ),
  );
  const all = [
    "WORKSPACE_MEMBER_JOINED",
    "PROJECT_CREATED",
    "CONVERSATION_STARTED",
    "KNOWLEDGE_BASE_CREATED",
    "DOCUMENT_ADDED",
  ];
  expect(await kindsFor(member(place, ["*"]))).toEqual(all);
  expect(await kindsFor(member(place, ["knowledge:read"]))).toEqual(["KNOWLEDGE_BASE_CREATED", "DOCUMENT_ADDED"]);
  expect(await kindsFor(member(place, ["projects:read", "conversations:start"]))).toEqual(["PROJECT_CREATED"]);
  expect(await kindsFor(member(place, ["conversations:read"]))).toEqual(["CONVERSATION_STARTED"]);
  expect(await kindsFor(member(place, ["workspace_members:read"]))).toEqual(["WORKSPACE_MEMBER_JOINED"]);
  expect(await kindsFor(member(place, []))).toEqual([]);
});

test("a conversation's lines are seen by whoever talks in it, and not by who closed it without the right to read it", async () => {
  const place = givenPlace();
  const [talker, closer] = [member(place, []), member(place, ["conversations:reply"])];
  const conversationId = newId("cnv");
  const closed = conversationClosed({ conversationId, chatbotId: newId("bot"), participantId: talker.userId });
  await service.hear(
    eventOf(started(talker.userId, conversationId), { ...place, userId: talker.userId }),
    eventOf(closed, { ...place, userId: closer.userId }),
  );
  expect(await kindsFor(talker)).toEqual(["CONVERSATION_CLOSED", "CONVERSATION_STARTED"]);
  expect(await kindsFor(talker, { subject: conversationId })).toEqual(["CONVERSATION_CLOSED", "CONVERSATION_STARTED"]);
  for (const which of [{}, { subject: conversationId }, { user: closer.userId }])
    expect(await kindsFor(closer, which)).toEqual([]);
});

test("the timeline of a subject has its lines alone, of a person what they did", async () => {
  const place = givenPlace();
  const [ada, ben] = [member(place), member(place)];
  const documentId = newId("doc");
  const knowledgeBaseId = base();
  await service.hear(
    eventOf(uploaded(documentId, knowledgeBaseId), { ...place, userId: ada.userId }),
    eventOf(uploaded(), { ...place, userId: ben.userId }),
    eventOf(documentDeleted({ documentId, knowledgeBaseId, sizeBytes: 10 }), { ...place, userId: ben.userId }),
  );
  expect(await kindsFor(ada, { subject: documentId })).toEqual(["DOCUMENT_DELETED", "DOCUMENT_ADDED"]);
  expect(await kindsFor(ada, { user: ben.userId })).toEqual(["DOCUMENT_DELETED", "DOCUMENT_ADDED"]);
  expect(await kindsFor(ada, { user: ada.userId })).toEqual(["DOCUMENT_ADDED"]);
});

test("an organization's own lines aren't in a workspace's timeline, and need the right to read its members", async () => {
  const { organizationId, workspaceId } = givenPlace();
  const membershipId = newId("mem");
  await service.hear(
    eventOf(membershipGranted({ membershipId, userId: newId("usr"), workspaceId: null, role: "member" }), {
      organizationId,
    }),
    eventOf(
      invitationSent({ invitationId: newId("inv"), organizationRole: "member", expiresAt: "2026-12-01T00:00:00Z" }),
      { organizationId },
    ),
  );
  const admin = member({ organizationId, workspaceId });
  expect(await kindsFor(admin)).toEqual([]);
  expect(await kindsFor(admin, { subject: membershipId })).toEqual(["ORGANIZATION_MEMBER_JOINED"]);
  expect(await kindsFor(member({ organizationId, workspaceId }, ["knowledge:*"]), { subject: membershipId })).toEqual(
    [],
  );
});

test("the lines of an account are its person's alone, wherever they stand", async () => {
  const place = givenPlace();
  const ada = member(place);
  const { userId } = ada;
  await service.hear(
    eventOf(userSignedIn({ userId, sessionId: newId("ses"), method: "EMAIL" }), { userId }),
    eventOf(userSignInRefused({ accountKey: "k", userId, method: "EMAIL" }), {}),
    eventOf(passwordChanged({ userId }), { userId }),
  );
  const own = ["ACCOUNT_PASSWORD_CHANGED", "ACCOUNT_SIGN_IN_REFUSED", "ACCOUNT_SIGNED_IN"];
  expect(await kindsFor(ada, { user: userId })).toEqual(own);
  expect(await linesFor(ada, { user: userId })).toMatchObject([{}, { actor: null }, { actor: { id: userId } }]);
  for (const nosy of [member(place), { ...ada, kind: "API_KEY" as const }, member(givenPlace())])
    for (const which of [{ user: userId }, { subject: userId }, {}]) expect(await kindsFor(nosy, which)).toEqual([]);
});

test("another organization, another workspace and a guest find nothing, whichever way they ask", async () => {
  const place = givenPlace();
  const ada = member(place);
  const documentId = newId("doc");
  await service.hear(eventOf(uploaded(documentId), { ...place, userId: ada.userId }));
  const neighbour = member({ ...place, workspaceId: newId("wsp") });
  for (const stranger of [member(givenPlace()), neighbour]) {
    for (const which of [{}, { subject: documentId }, { user: ada.userId }])
      expect(await linesFor(stranger, which)).toEqual([]);
    await expect(linesFor(stranger, { workspace: place.workspaceId })).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
  const guest = { ...ada, kind: "GUEST" as const, organizationId: null, workspaceId: null, permissions: [] };
  await expect(linesFor(guest)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(linesFor({ kind: "ANONYMOUS" })).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});

test("even a handle that forgets to ask sees only its own tenant's rows", async () => {
  const place = givenPlace();
  await service.hear(eventOf(uploaded(), { ...place, userId: newId("usr") }));
  const tables = ["activity", "recent_document", "counter", "presence"];
  const seen = async (tenant: object) => {
    const counts = [];
    for (const table of tables)
      counts.push((await service.database.as(tenant).sql<{ n: number }>(`select count(*) as n from ${table}`))[0]!.n);
    return counts;
  };
  expect((await seen(place)).every((count) => count > 0)).toBe(true);
  expect(await seen(givenPlace())).toEqual([0, 0, 0, 0]);
  expect(await seen({ organizationId: place.organizationId, workspaceId: newId("wsp") })).toEqual([0, 0, 0, 0]);
  expect(await seen({})).toEqual([0, 0, 0, 0]);
  await expect(service.database.as(place).sql("delete from counted_event returning 1")).resolves.toEqual([]);
  await expect(
    service.database
      .as(place)
      .sql("insert into presence (organization_id, workspace_id, at, user_id) values ($1, $2, now(), 'usr_1')", [
        place.organizationId,
        place.workspaceId,
      ]),
  ).rejects.toThrow(/row-level security/);
});

test("a page goes on where the one before ended, whatever comes in between", async () => {
  const place = givenPlace();
  const ada = member(place);
  const documents = Array.from({ length: 5 }, () => newId("doc"));
  await service.hear(
    ...documents.map((id, i) => eventOf(uploaded(id), { ...place, at: new Date(Date.UTC(2026, 10, 1, i)) })),
  );
  const first = await service.run<Answer>(ada, query, { first: 2 });
  await service.hear(eventOf(uploaded(), place));
  const second = await service.run<Answer>(ada, query, { first: 10, after: first.timeline.pageInfo.endCursor });
  const seen = [...first.timeline.nodes, ...second.timeline.nodes].map(({ subjectId }) => subjectId);
  expect(seen).toEqual(documents.toReversed());
  expect(second.timeline.pageInfo.hasNextPage).toBe(false);
});

test.each([
  ["both a subject and a person", { subject: newId("doc"), user: newId("usr") }, "subjectId"],
  ["no object's id", { subject: "'; drop table activity" }, "subjectId"],
  ["no person's id", { user: newId("org") }, "userId"],
  ["too many", { first: 101 }, "first"],
  ["a cursor of nothing", { after: "abc" }, "after"],
])("%s is refused, and the field named", async (_, variables, field) => {
  await expect(linesFor(member(givenPlace()), variables)).rejects.toMatchObject({ code: "BAD_USER_INPUT", field });
});

describe("recent documents", () => {
  const recent = async (actor: Parameters<Service["run"]>[0]) =>
    (
      await service.run<{ recentDocuments: { nodes: { document: { id: string } }[] } }>(
        actor,
        "{ recentDocuments { nodes { changedAt document { id } knowledgeBase { id } } } }",
      )
    ).recentDocuments.nodes.map(({ document }) => document.id);

  test("come in the order in which something last happened to them; deleted ones are gone", async () => {
    const place = givenPlace();
    const [one, two, three] = [newId("doc"), newId("doc"), newId("doc")];
    const knowledgeBaseId = base();
    const ingested = (documentId: string) =>
      documentIngested({ documentId, knowledgeBaseId, passageCount: 1, sizeBytes: 10, durationMs: 5 });
    const told = [uploaded(one), uploaded(two), uploaded(three), ingested(one)].map((draft, i) =>
      eventOf(draft, { ...place, at: new Date(Date.UTC(2026, 10, 1, i)) }),
    );
    await service.hear(...told);
    expect(await recent(member(place))).toEqual([one, three, two]);
    await service.hear(eventOf(documentDeleted({ documentId: three, knowledgeBaseId, sizeBytes: 10 }), place));
    // A repetition of what was before doesn't bring it back.
    await service.hear(...told);
    expect(await recent(member(place))).toEqual([one, two]);
    expect(await recent(member(givenPlace()))).toEqual([]);
  });

  test("need the right to read documents", async () => {
    await expect(recent(member(givenPlace(), ["projects:read"]))).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});
