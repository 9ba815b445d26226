import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Actor } from "@atrium/access";
import { newId } from "@atrium/ids";
import { unwrapKey, unseal } from "@atrium/personal-data";
import { Readable } from "node:stream";
import {
  dataOf,
  errorsOf,
  givenPlace,
  memberOf,
  nobody,
  secret,
  startTestPrivacy,
  until,
  type Privacy,
} from "../testing";
import { archiveKey } from "./data-export";
import { giveUpExport } from "./assemble";
import { receiveExportPart } from "./commands";

let privacy: Privacy;
beforeAll(async () => {
  privacy = await startTestPrivacy();
});
afterAll(() => privacy.stop());
beforeEach(() => {
  privacy.chat.answers = privacy.identity.answers = true;
});

const read = `query ($id: ID!) { dataExport(id: $id) {
  id status estimatedCompletion downloadAvailableUntil completedAt parts { service status attempt } file { url sizeBytes sha256 expiresAt } } }`;
const requested = async (actor: Actor, input: object = { format: "JSON" }) =>
  dataOf(
    await privacy.run(
      actor,
      `mutation ($input: RequestDataExportInput!) { requestDataExport(input: $input) { dataExport { id } userErrors { code } } }`,
      { input },
    ),
  ).requestDataExport;
const seen = async (actor: Actor, id: string) => dataOf(await privacy.run(actor, read, { id })).dataExport;
const ready = (actor: Actor, id: string) =>
  until(
    () => seen(actor, id),
    ({ status }) => status === "READY",
  );

async function contentOf(id: string): Promise<{ manifest: Record<string, never>; data: Record<string, unknown[]> }> {
  const [{ key } = { key: null }] = await privacy.rows<{ key: Buffer | null }>(
    "select wrapped_key as key from data_export where id = $1",
    [id],
  );
  const blobKey = archiveKey(id);
  const sealed = Readable.from([privacy.contentOf(blobKey)]);
  const chunks = [];
  for await (const chunk of unseal(sealed, unwrapKey(key!, secret, id), blobKey)) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

test("the parts of all services become one file, sealed, and nothing else is left of them", async () => {
  const ada = memberOf(givenPlace(), []);
  privacy.chat.notes.set(ada.userId, ["one", "two"]);
  const { dataExport } = await requested(ada);
  expect(await seen(ada, dataExport.id)).toMatchObject({ completedAt: null, file: null });
  const done = await ready(ada, dataExport.id);
  expect(done.parts).toEqual(
    ["chat", "identity", "privacy"].map((service) => ({ service, status: "ARRIVED", attempt: 1 })),
  );
  const { data } = await contentOf(dataExport.id);
  expect(data["chat/note.json"]).toEqual([{ text: "one" }, { text: "two" }]);
  expect(data["identity/note.json"]).toEqual([]);
  const own = () => privacy.files().filter((file) => file.includes(dataExport.id));
  await until(
    async () => own(),
    (files) => files.length === 1,
  );
  expect(own()).toEqual([archiveKey(dataExport.id)]);
  expect(privacy.contentOf(own()[0]!).includes("one")).toBe(false);
});

test("only the categories that were asked for are in it, and only one export of a person is under way", async () => {
  const ada = memberOf(givenPlace(), []);
  privacy.chat.answers = false;
  const { dataExport } = await requested(ada, { categories: ["CONSENTS"], format: "JSON" });
  expect(await requested(ada)).toEqual({ dataExport: null, userErrors: [{ code: "UNDER_WAY" }] });
  privacy.chat.answers = true;
  await privacy.pass(20);
  await ready(ada, dataExport.id);
  const { data } = await contentOf(dataExport.id);
  expect(Object.keys(data).sort()).toEqual(["privacy/consent-purpose.json", "privacy/consent.json"]);
  const { dataExport: next } = await requested(ada);
  await ready(ada, next.id);
});

test("a service that doesn't answer is asked again, and reported as missing in the end, in the file too", async () => {
  const ada = memberOf(givenPlace(), []);
  privacy.chat.answers = false;
  const askedBefore = privacy.chat.asked;
  const { dataExport } = await requested(ada);
  const { id } = dataExport;
  const partOf = async (name: string) =>
    (await seen(ada, id)).parts.find(({ service }: { service: string }) => service === name);
  for (const name of ["identity", "privacy"])
    await until(
      () => partOf(name),
      ({ status }) => status === "ARRIVED",
    );
  for (let attempt = 2; attempt <= 4; attempt++) {
    await privacy.pass(16);
    await until(
      () => partOf("chat"),
      (part) => part.attempt === attempt,
    );
  }
  await privacy.pass(16);
  const done = await ready(ada, id);
  expect(done.parts).toContainEqual({ service: "chat", status: "MISSING", attempt: 4 });
  expect(privacy.chat.asked - askedBefore).toBe(4);
  const { manifest, data } = await contentOf(id);
  expect(manifest.missing).toEqual([expect.objectContaining({ service: "chat" })]);
  expect(Object.keys(data)).not.toContain("chat/note.json");
});

test("a service that answers when it is asked again isn't missing, and answering twice changes nothing", async () => {
  const ada = memberOf(givenPlace(), []);
  privacy.chat.answers = false;
  privacy.chat.notes.set(ada.userId, ["late"]);
  const { dataExport } = await requested(ada);
  const { id } = dataExport;
  await until(
    async () => (await seen(ada, id)).parts.filter(({ status }: { status: string }) => status === "ARRIVED").length,
    (count) => count === 2,
  );
  privacy.chat.answers = true;
  await privacy.pass(16);
  const done = await ready(ada, id);
  expect(done.parts).toContainEqual({ service: "chat", status: "ARRIVED", attempt: 2 });
  expect((await contentOf(id)).data["chat/note.json"]).toEqual([{ text: "late" }]);
  const before = await privacy.rows("select * from data_export_part where export_id = $1 order by service", [id]);
  const late = { exportId: id, userId: ada.userId, service: "chat", nouns: [] };
  await receiveExportPart(await contextOf(), late);
  expect(await privacy.rows("select * from data_export_part where export_id = $1 order by service", [id])).toEqual(
    before,
  );
});

test("a part that lies elsewhere than its service may write is refused", async () => {
  const noun = {
    noun: "x",
    holds: "x",
    category: "CHATS",
    legalBasis: "CONTRACT",
    records: 1,
    sha256: "",
    sizeBytes: 1,
  };
  const [exportId, userId] = [newId("exp"), newId("usr")];
  const nouns = [{ ...noun, blobKey: `exports/${exportId}/identity/1-user` }];
  await expect(receiveExportPart(await contextOf(), { exportId, userId, service: "chat", nouns })).rejects.toThrow(
    "chat has no business",
  );
});

test("after seven days the file is gone, and no copy of it can be opened", async () => {
  const ada = memberOf(givenPlace(), []);
  const { dataExport } = await requested(ada);
  const done = await ready(ada, dataExport.id);
  const days = (Date.parse(done.downloadAvailableUntil) - Date.parse(done.completedAt)) / 86_400_000;
  expect(days).toBe(7);
  await privacy.pass(7 * 24 * 60 + 1);
  const over = await until(
    () => seen(ada, dataExport.id),
    ({ status }) => status === "EXPIRED",
  );
  expect(over.file).toBeNull();
  expect(await privacy.rows("select wrapped_key as key from data_export where id = $1", [dataExport.id])).toEqual([
    { key: null },
  ]);
  await until(
    async () => privacy.files().filter((file) => file.includes(dataExport.id)),
    (files) => files.length === 0,
  );
});

test("what can't be put together ends as failed, and another one can be asked for", async () => {
  const ada = memberOf(givenPlace(), []);
  privacy.chat.answers = false;
  const { dataExport } = await requested(ada);
  const { id } = dataExport;
  await privacy.rows("update data_export set status = 'ASSEMBLING' where id = $1", [id]);
  await giveUpExport(privacy, { exportId: id });
  expect(await seen(ada, id)).toMatchObject({ status: "FAILED", file: null });
  privacy.chat.answers = true;
  const { dataExport: next } = await requested(ada);
  await ready(ada, next.id);
});

test("a part whose file was spoilt is reported as missing, and none of it is in the export", async () => {
  const ada = memberOf(givenPlace(), []);
  privacy.chat.notes.set(ada.userId, ["one"]);
  privacy.identity.answers = false;
  const { dataExport } = await requested(ada);
  const { id } = dataExport;
  const file = await until(
    async () => privacy.files().find((each) => each.includes(`${id}/chat/`)),
    (found) => found !== undefined,
  );
  await until(
    () => seen(ada, id),
    ({ parts }) => parts[0].status === "ARRIVED",
  );
  const bytes = privacy.contentOf(file!);
  writeFileSync(path.join(privacy.folder, file!), bytes.fill(bytes[30]! ^ 1, 30, 31));
  privacy.identity.answers = true;
  await privacy.pass(16);
  const done = await ready(ada, id);
  expect(done.parts[0]).toMatchObject({ service: "chat", status: "MISSING" });
  const { manifest, data } = await contentOf(id);
  expect(manifest.missing).toEqual([expect.objectContaining({ service: "chat" })]);
  expect(Object.keys(data)).not.toContain("chat/note.json");
});

test("nobody sees another's export, and no key acts for a person", async () => {
  const ada = memberOf(givenPlace(), []);
  const { dataExport } = await requested(ada);
  await ready(ada, dataExport.id);
  const colleague = memberOf(ada);
  const key: Actor = { ...ada, kind: "API_KEY" };
  expect(errorsOf(await privacy.run(colleague, read, dataExport))).toEqual(["NOT_FOUND"]);
  expect(errorsOf(await privacy.run(key, read, dataExport))).toEqual(["FORBIDDEN"]);
  expect(errorsOf(await privacy.run(nobody, read, dataExport))).toEqual(["UNAUTHENTICATED"]);
  expect(errorsOf(await privacy.run(ada, read, { id: "exp_1" }))).toEqual(["BAD_USER_INPUT id"]);
  // Elsewhere she is the same person.
  expect(errorsOf(await privacy.run({ ...ada, ...givenPlace() }, read, dataExport))).toEqual([]);
  // Nobody waits for a part any more, so nobody gets the key.
  expect(await privacy.subgraph.internal.exportKey!({ exportId: dataExport.id })).toEqual({ wrappedKey: null });
});

async function contextOf(): Promise<Parameters<typeof receiveExportPart>[0]> {
  return { db: privacy.database.asService(), now: () => privacy.clock.now };
}
