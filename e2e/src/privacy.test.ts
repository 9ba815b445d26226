import { createHash, randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import {
  addedDocuments,
  createdKnowledgeBase,
  guest,
  publishedChatbot,
  sentMessage,
  signedUp,
  startAtrium,
  startedConversation,
  temporaryData,
  untilIngested,
  uploaded,
  messagesOf,
  waitFor,
  type Atrium,
  type Caller,
  type DataDirectory,
} from "@atrium/testing";
import { unzipSync } from "fflate";
import { everythingStored, placesOf, rowsOf } from "./support/everything";

jest.setTimeout(240_000);

/** Every service there is. */
const services = readdirSync(path.resolve(__dirname, "../../services")).sort();

let data: DataDirectory;
let atrium: Atrium;
let ada: Caller;
let bob: Caller;
let adasBot: string;
let bobsBot: string;
/** What stands wherever Ada has left something; each kind of thing has a mark of its own. */
const marks = Object.fromEntries(
  ["name", "key", "document", "draft", "question", "comment", "reason", "outside"].map((kind) => [
    kind,
    `zyx${kind}${randomUUID().slice(0, 8)}`,
  ]),
) as Record<"name" | "key" | "document" | "draft" | "question" | "comment" | "reason" | "outside", string>;
const bobsMark = `bobs${randomUUID().slice(0, 8)}`;

beforeAll(async () => {
  data = temporaryData();
  atrium = await startAtrium({ dataDirectory: data.path });
  ada = await signedUp(atrium, marks.name);
  bob = await signedUp(atrium, bobsMark);
  await ada.client.ask(
    `mutation ($name: String!) { createApiKey(input: { name: $name, permissions: ["knowledge:read"] }) { apiKey { id } userErrors { code } } }`,
    { name: marks.key },
  );
  const knowledgeBaseId = await createdKnowledgeBase(ada.client, { name: marks.draft });
  const file = {
    filename: `${marks.document}.md`,
    contentType: "text/markdown",
    content: Buffer.from(`# Cranes\n\nA crane of ${marks.document} is inspected every seven days.\n`),
  };
  await addedDocuments(ada.client, knowledgeBaseId, [await uploaded(ada.client, file)]);
  await untilIngested(ada.client, knowledgeBaseId);
  adasBot = await publishedChatbot(ada.client, { name: "Clerk", knowledgeBaseIds: [knowledgeBaseId] });
  await talk(ada, adasBot, `How often is the crane of ${marks.question} inspected?`, marks.comment);

  // Bob's organization, in which Ada is a member and talks to a bot; what belongs to it stays.
  bobsBot = await publishedChatbot(bob.client, { name: "Porter", knowledgeBaseIds: [], guestAccess: true });
  await talk(bob, bobsBot, `What is ${bobsMark}?`);
  await join(bob, ada);
  await talk(ada, bobsBot, `What is ${marks.outside}?`);
  await moveTo(ada, ada.organizationId!, ada.workspaceId!);
  // Invited by somebody whose organization she isn't in, at the address that she signs in with.
  const carol = await signedUp(atrium, "Carol");
  const { inviteMember } = await carol.client.ask(
    `mutation ($email: String!) {
      inviteMember(input: { email: $email, organizationRole: MEMBER }) { token userErrors { code } } }`,
    { email: ada.email },
  );
  expect(inviteMember.userErrors).toEqual([]);
});
afterAll(async () => {
  await atrium?.stop();
  await data?.remove();
});

test("what somebody agrees to counts at once, is shown to them with its history, and to nobody else", async () => {
  const record = `mutation ($consents: [ConsentDecisionInput!]!) { recordConsents(input: { consents: $consents }) {
    processed activeCollections userErrors { code path } } }`;
  const given = { purpose: "analytics", given: true, method: "SETTINGS" };
  const { recordConsents } = await ada.client.ask(record, { consents: [given] });
  expect(recordConsents).toEqual({ processed: 1, activeCollections: ["analytics"], userErrors: [] });
  const read = "{ viewerConsents { purpose given } consentHistory { nodes { purpose given address } } }";
  expect(await ada.client.ask(read)).toMatchObject({
    viewerConsents: [{ purpose: "analytics", given: true }],
    consentHistory: { nodes: [{ purpose: "analytics", given: true }] },
  });
  expect(await bob.client.ask(read)).toEqual({ viewerConsents: [], consentHistory: { nodes: [] } });
});

test("an export holds everything of the person from every service, and opens for that person alone", async () => {
  const id = await exportedBy(ada);
  const { dataExport } = await ada.client.ask(exportQuery, { id });
  expect(dataExport.parts).toEqual(services.map((service) => ({ service, status: "ARRIVED", attempt: 1 })));
  const url: string = dataExport.file.url;
  expect((await fetch(url)).status).toBe(401);
  expect((await fetch(url, { headers: bearer(bob) })).status).toBe(404);
  expect((await fetch(`${url.slice(0, -1)}_`, { headers: bearer(ada) })).status).toBe(404);
  expect(await bob.client.refusal(exportQuery, { id })).toBe("NOT_FOUND");
  // At rest, in the files and in the databases, none of it can be read.
  const archived = (await everythingStored(data.path)).filter(({ place }) => place.startsWith("file exports/"));
  expect(archived).not.toEqual([]);
  expect(placesOf(archived, Object.values(marks))).toEqual([]);

  const response = await fetch(url, { headers: bearer(ada) });
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(bytes.length).toBe(dataExport.file.sizeBytes);
  expect(sha256(bytes)).toBe(dataExport.file.sha256);
  const files = unzipSync(bytes);
  const manifest = JSON.parse(text(files["manifest.json"]!)) as Manifest;
  expect(manifest.missing).toEqual([]);
  expect(Object.keys(files).sort()).toEqual(["manifest.json", ...manifest.files.map(({ file }) => file)].sort());
  for (const { file, sha256: hash, records, legalBasis, holds } of manifest.files) {
    expect(sha256(files[file]!)).toBe(hash);
    expect(JSON.parse(text(files[file]!))).toHaveLength(records);
    expect([legalBasis, holds]).not.toContain("");
  }
  const all = Object.values(files).map(text).join("\n");
  const { reason: _, ...own } = marks;
  for (const mark of [...Object.values(own), ada.email!]) expect(all).toContain(mark);
  expect(all).not.toContain(bobsMark);
  expect(all).not.toContain(bob.email);
});

test("a guest exports what they said, and is asked for no code that couldn't be sent", async () => {
  const visitor = await guest(atrium);
  const asked = `visitor${randomUUID().slice(0, 8)}`;
  await talk(visitor, bobsBot, `What is ${asked}?`);
  const id = await exportedBy(visitor, "JSON");
  const { dataExport } = await visitor.client.ask(exportQuery, { id });
  const response = await fetch(dataExport.file.url, { headers: bearer(visitor) });
  const { data: records } = (await response.json()) as { data: Record<string, object[]> };
  expect(JSON.stringify(records["chat/message.json"])).toContain(asked);
  expect(JSON.stringify(records)).not.toContain(bobsMark);
  const { requestErasureCode } = await visitor.client.ask(
    "mutation { requestErasureCode { expiresAt userErrors { code } } }",
  );
  expect(requestErasureCode).toEqual({ expiresAt: null, userErrors: [{ code: "NO_ADDRESS" }] });
  expect(await visitor.client.refusal("{ auditTrail { nodes { action } } }")).toBe("FORBIDDEN");
});

test("the audit trail shows what was done in the organization, that it was read, and that it is intact", async () => {
  const trail = `query ($action: String) { auditTrail(filter: { action: $action }, first: 100) { nodes { action actorId subject } } }`;
  await ada.client.ask(trail);
  await waitFor(async () => {
    const { auditTrail } = await ada.client.ask(trail, { action: "privacy.sensitive.read.v1" });
    return auditTrail.nodes.some(
      ({ actorId, subject }: Record<string, string>) => actorId === ada.userId && subject === ada.organizationId,
    );
  });
  const { auditTrail } = await ada.client.ask(trail);
  const actions = auditTrail.nodes.map(({ action }: { action: string }) => action);
  for (const action of ["privacy.consent.given.v1", "knowledge.document.ingested.v1", "chat.message.received.v1"])
    expect(actions).toContain(action);
  const verify = "{ verifyAuditTrail { intact entryCount firstBroken { kind number } } }";
  const { verifyAuditTrail } = await ada.client.ask(verify);
  expect(verifyAuditTrail).toMatchObject({ intact: true, firstBroken: null });
  const { auditTrail: bobs } = await bob.client.ask(trail);
  expect(JSON.stringify(bobs)).not.toContain(ada.organizationId);
});

test("a person is erased after the days of grace: no service holds a mark of them, and the certificate says what stays", async () => {
  const { requestErasureCode } = await ada.client.ask(
    "mutation { requestErasureCode { expiresAt userErrors { code } } }",
  );
  expect(requestErasureCode.userErrors).toEqual([]);
  const [mail] = await rowsOf<{ text: string; recipient: string }>(
    data.path,
    "atrium_identity",
    "select text, recipient from mail where user_id = $1",
    [ada.userId],
  );
  expect(mail!.recipient).toBe(ada.email);
  const code = /\b\d{6}\b/.exec(mail!.text)![0];
  const request = `mutation ($input: RequestErasureInput!) { requestErasure(input: $input) {
    erasure { id status } gracePeriodEnds cancellationToken userErrors { code } } }`;
  const wrong = code === "000000" ? "000001" : "000000";
  const refused = await ada.client.ask(request, { input: { verificationCode: wrong } });
  expect(refused.requestErasure).toMatchObject({ erasure: null, userErrors: [{ code: "WRONG_CODE" }] });
  const { requestErasure } = await ada.client.ask(request, {
    input: { verificationCode: code, reason: marks.reason },
  });
  expect(requestErasure.userErrors).toEqual([]);
  const { erasure, cancellationToken: token } = requestErasure;
  const days = (Date.parse(requestErasure.gracePeriodEnds) - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(30);
  expect(await bob.client.refusal("query ($id: ID!) { erasure(id: $id) { id } }", { id: erasure.id })).toBe(
    "NOT_FOUND",
  );
  const before = placesOf(await everythingStored(data.path), [...Object.values(marks), ada.email!]);
  for (const kind of ["atrium_chat", "atrium_identity", "atrium_knowledge", "atrium_privacy", "file "])
    expect(before.filter((place) => place.startsWith(kind))).not.toEqual([]);

  // A month later.
  await atrium.stop();
  const clock = path.join(__dirname, "support/shifted-clock.cjs");
  atrium = await startAtrium({
    dataDirectory: data.path,
    env: { NODE_OPTIONS: `--require ${clock}`, SHIFTED_CLOCK_MS: String(30 * 86_400_000 + 3_600_000) },
  });
  const read = `query ($id: ID!, $token: String) { erasure(id: $id, token: $token) {
    status reason certificate parts { service status erased retained reason } } }`;
  const nobody = atrium.client();
  const done = await waitFor(
    async () => {
      const answer = await nobody.ask(read, { id: erasure.id, token });
      return answer.erasure.status === "COMPLETED" && answer.erasure;
    },
    60_000,
    250,
  );
  expect(await nobody.refusal(read, { id: erasure.id })).toBe("UNAUTHENTICATED");
  expect(done.reason).toBeNull();
  expect(done.parts.map(({ service, status }: Record<string, string>) => `${service} ${status}`)).toEqual(
    services.map((service) => `${service} ERASED`),
  );
  expect(done.certificate.missing).toEqual([]);

  const left = async () => placesOf(await everythingStored(data.path), [...Object.values(marks), ada.email!]);
  // Her own organization's files are deleted by jobs that follow.
  await waitFor(async () => (await left()).length === 0, 30_000, 500).catch(async () =>
    expect(await left()).toEqual([]),
  );
  const ids = placesOf(await everythingStored(data.path), [ada.userId]).map((place) => place.split(":")[0]);
  const named =
    /audit_entry|erased_person|\.erasure|outbox_event|published_event|inbox_event|ephemeral_limit|^topic |^redis /;
  expect(ids.filter((place) => !named.test(place!))).toEqual([]);

  const signIn = `mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) {
    accessToken userErrors { code } } }`;
  const again = await nobody.ask(signIn, { email: ada.email, password: ada.password });
  expect(again.signIn).toMatchObject({ accessToken: null, userErrors: [{ code: "INVALID_CREDENTIALS" }] });
  // Bob and what is his are untouched.
  const bobs = await nobody.ask(signIn, { email: bob.email, password: bob.password });
  expect(bobs.signIn.userErrors).toEqual([]);
  expect(placesOf(await everythingStored(data.path), [bobsMark]).length).toBeGreaterThan(0);
});

interface Manifest {
  files: { file: string; sha256: string; records: number; legalBasis: string; holds: string }[];
  missing: object[];
}

const exportQuery = `query ($id: ID!) { dataExport(id: $id) {
  status parts { service status attempt } file { url sizeBytes sha256 } } }`;

async function exportedBy({ client }: Caller, format = "ZIP"): Promise<string> {
  const { requestDataExport } = await client.ask(
    `mutation ($input: RequestDataExportInput!) { requestDataExport(input: $input) { dataExport { id } userErrors { code } } }`,
    { input: { format } },
  );
  const id: string = requestDataExport.dataExport.id;
  await waitFor(async () => (await client.ask(exportQuery, { id })).dataExport.status === "READY", 60_000, 200);
  return id;
}

async function talk({ client }: Caller, chatbotId: string, question: string, comment = "Good."): Promise<void> {
  const conversationId = await startedConversation(client, chatbotId);
  await sentMessage(client, conversationId, question);
  const answer = await waitFor(async () =>
    (await messagesOf(client, conversationId)).find(({ author }) => author === "CHATBOT"),
  );
  await client.ask(
    "mutation ($id: ID!, $comment: String!) { rateMessage(input: { messageId: $id, rating: UP, comment: $comment }) { message { id } } }",
    { id: answer.id, comment },
  );
}

async function join(host: Caller, member: Caller): Promise<void> {
  const { inviteMember } = await host.client.ask(
    `mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { token userErrors { code } } }`,
    {
      input: {
        userId: member.userId,
        organizationRole: "MEMBER",
        workspaceRoles: [{ workspaceId: host.workspaceId, role: "VIEWER" }],
      },
    },
  );
  await member.client.ask(
    "mutation ($token: String!) { acceptInvitation(input: { token: $token }) { member { id } userErrors { code } } }",
    { token: inviteMember.token },
  );
  await moveTo(member, host.organizationId!, host.workspaceId!);
}

async function moveTo({ client }: Caller, organizationId: string, workspaceId: string): Promise<void> {
  const { switchContext } = await client.ask(
    "mutation ($input: SwitchContextInput!) { switchContext(input: $input) { accessToken } }",
    { input: { organizationId, workspaceId } },
  );
  client.token = switchContext.accessToken;
}

const bearer = ({ client }: Caller) => ({ authorization: `Bearer ${client.token}` });
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
