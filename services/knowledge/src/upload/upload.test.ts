import { request } from "node:http";
import { Readable } from "node:stream";
import { folderBlobs } from "@atrium/blobs";
import {
  addDocuments,
  ask,
  createUpload,
  eventually,
  givenAnnouncement,
  givenKnowledgeBase,
  givenUpload,
  markdown,
  memberOf,
  put,
  rows,
  settled,
  startWorld,
  storedFiles,
  type World,
} from "../testing/world";
import { pruneUploads } from "./commands";

let world: World;
const ada = memberOf("org_ada");
const eve = memberOf("org_eve");

beforeAll(async () => {
  world = await startWorld({ env: { KNOWLEDGE_UPLOAD_BYTES_MAX: "100000" } });
}, 60_000);
afterAll(() => world?.stop());

const hello = Buffer.from("# Hello\n\nThis is a note about nothing in particular.\n");
const note = { filename: "note.md", contentType: "text/markdown", sizeBytes: hello.length };

const uploads = () =>
  rows<{ id: string; stored_at: Date | null; transfers: string[] }>(world, ada, "select * from upload");
const stored = async (id: string) => (await uploads()).find((upload) => upload.id === id)!.stored_at !== null;

/** A stream of bytes, sent in pieces and without a length. */
const chunked = (...pieces: Buffer[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new Uint8Array(piece));
      controller.close();
    },
  });

test("an announced file is stored once its bytes have come", async () => {
  const { id, url } = await givenAnnouncement(world, ada, note);
  expect(await put(url, hello)).toEqual({ status: 201 });
  expect(await stored(id)).toBe(true);
});

test("a file may come in pieces and without a length", async () => {
  const { id, url } = await givenAnnouncement(world, ada, note);
  expect(await put(url, chunked(hello.subarray(0, 10), hello.subarray(10)))).toEqual({ status: 201 });
  expect(await stored(id)).toBe(true);
});

test("bad announcements name the field, and announce nothing", async () => {
  const before = (await uploads()).length;
  const refused = async (change: object) => {
    const { code, field } = await ask(world, ada, createUpload, { input: { ...note, ...change } });
    return { code, field };
  };
  expect(await refused({ sizeBytes: 100_001 })).toEqual({ code: "PAYLOAD_TOO_LARGE", field: "input.sizeBytes" });
  for (const sizeBytes of [0, -1, 1.5, 1e300])
    expect(await refused({ sizeBytes })).toEqual({ code: "BAD_USER_INPUT", field: "input.sizeBytes" });
  for (const contentType of ["", "image/png", "text", "x".repeat(1000)])
    expect(await refused({ contentType })).toEqual({ code: "BAD_USER_INPUT", field: "input.contentType" });
  for (const filename of ["", "../../etc/passwd", "..\\note.md", "/note.md", "..", "a\u0000b", "x".repeat(256)])
    expect(await refused({ filename })).toEqual({ code: "BAD_USER_INPUT", field: "input.filename" });
  expect((await uploads()).length).toBe(before);
});

test("a file that isn't what was announced is refused and not kept, and may be sent again", async () => {
  const files = storedFiles(world).length;
  const { id, url } = await givenAnnouncement(world, ada, note);
  const bigger = Buffer.concat([hello, hello]);
  const smaller = hello.subarray(1);
  const body = { code: "BAD_USER_INPUT", field: "body" };
  expect(await put(url, bigger)).toEqual({ status: 400, ...body });
  expect(await put(url, smaller)).toEqual({ status: 400, ...body });
  expect(await put(url, chunked(smaller))).toEqual({ status: 400, ...body });
  expect(await put(url, chunked(bigger))).toMatchObject({ status: 413, code: "PAYLOAD_TOO_LARGE" });
  expect(await put(url, Buffer.concat([Buffer.from("%PDF-1.7\n"), hello]).subarray(0, hello.length))).toEqual({
    status: 400,
    ...body,
  });
  expect(storedFiles(world).length).toBe(files);
  expect(await uploads()).toContainEqual(expect.objectContaining({ id, stored_at: null, transfers: [] }));
  expect(await put(url, hello)).toEqual({ status: 201 });
});

test("a big file that was announced smaller is answered, not cut off", async () => {
  const { url } = await givenAnnouncement(world, ada, note);
  expect(await put(url, Buffer.alloc(3_000_000, 97))).toEqual({ status: 400, code: "BAD_USER_INPUT", field: "body" });
  expect(await put(url, chunked(...Array.from({ length: 50 }, () => Buffer.alloc(60_000, 97))))).toMatchObject({
    status: 413,
  });
});

test("an address works once", async () => {
  const { url } = await givenAnnouncement(world, ada, note);
  expect(await put(url, hello)).toEqual({ status: 201 });
  expect(await put(url, hello)).toEqual({ status: 409, code: "CONFLICT" });
});

test("of transfers of one upload at once, one wins and one file stays", async () => {
  const files = storedFiles(world).length;
  const { url } = await givenAnnouncement(world, ada, note);
  const answers = await Promise.all(Array.from({ length: 6 }, () => put(url, hello)));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  expect(storedFiles(world).length).toBe(files + 1);
});

test("made-up addresses open nothing", async () => {
  for (const token of ["x", "..%2f..%2fetc", "a".repeat(43), "%00", "%ff"])
    expect((await put(`${world.origin}/uploads/${token}`, hello)).status).toBe(404);
});

test("a transfer that breaks off half-way leaves nothing, and may be begun anew", async () => {
  const files = storedFiles(world).length;
  const { id, url } = await givenAnnouncement(world, ada, note);
  const broken = request(url, { method: "PUT", headers: { "content-length": hello.length } });
  broken.on("error", () => {});
  broken.write(hello.subarray(0, 20));
  await eventually(async () => (await uploads()).find((each) => each.id === id)!.transfers.length === 1);
  broken.destroy();
  await eventually(async () => (await uploads()).find((each) => each.id === id)!.transfers.length === 0);
  expect(storedFiles(world).length).toBe(files);
  expect(await put(url, hello)).toEqual({ status: 201 });
});

test("nobody piles up transfers of one upload", async () => {
  const { id, url } = await givenAnnouncement(world, ada, note);
  const open = Array.from({ length: 20 }, () => {
    const transfer = request(url, { method: "PUT", headers: { "content-length": hello.length } });
    transfer.on("error", () => {});
    transfer.write(hello.subarray(0, 20));
    return transfer;
  });
  await eventually(async () => (await uploads()).find((each) => each.id === id)!.transfers.length === 20);
  expect(await put(url, hello)).toEqual({ status: 409, code: "CONFLICT" });
  for (const transfer of open) transfer.destroy();
  await eventually(async () => (await uploads()).find((each) => each.id === id)!.transfers.length === 0);
});

test("documents are made of all uploads or of none, and the fault has its path", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const good = await givenUpload(world, ada, markdown("a.md", "# A\n\nAlpha."));
  const { id: empty } = await givenAnnouncement(world, ada, note);
  const foreign = await givenUpload(world, eve, markdown("b.md", "# B\n\nBeta."));
  for (const [bad, code] of [
    [empty, "NOT_UPLOADED"],
    [foreign, "NO_SUCH_UPLOAD"],
    ["upl_01h455vb4pex5vsknk084sn02q", "NO_SUCH_UPLOAD"],
  ] as const)
    expect(await addDocuments(world, ada, base, [good, bad])).toEqual({
      payload: { documents: null, userErrors: [{ code, path: ["uploadIds", "1"] }] },
    });
  expect(await rows(world, ada, "select id from document where knowledge_base_id = $1", [base])).toEqual([]);

  const { payload } = await addDocuments(world, ada, base, [good]);
  expect(payload!.documents).toHaveLength(1);
  expect(await addDocuments(world, ada, base, [good])).toEqual({
    payload: { documents: null, userErrors: [{ code: "ALREADY_USED", path: ["uploadIds", "0"] }] },
  });
  await settled(world, ada, [payload!.documents![0]!.id]);
});

test("of calls with the same uploads at once, in whatever order, one gets them and the others are refused", async () => {
  const bases = await Promise.all([givenKnowledgeBase(world, ada), givenKnowledgeBase(world, ada)]);
  const ids = await Promise.all([1, 2, 3].map((n) => givenUpload(world, ada, markdown(`${n}.md`, `# ${n}\n\nText.`))));
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      addDocuments(world, ada, bases[at % 2]!, at % 3 === 0 ? ids : [...ids].reverse()),
    ),
  );
  const won = answers.filter(({ payload }) => payload?.documents);
  expect(won).toHaveLength(1);
  for (const { payload, code } of answers.filter((answer) => answer !== won[0])) {
    expect(code).toBeUndefined();
    expect(payload!.userErrors).toMatchObject([{ code: "ALREADY_USED" }]);
  }
  await settled(
    world,
    ada,
    won[0]!.payload!.documents!.map(({ id }) => id),
  );
});

test("uploads that nobody used are pruned with every file of theirs, used ones without their document's", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const kept = await givenUpload(world, ada, markdown("kept.md", "# Kept\n\nFor good."));
  const { payload } = await addDocuments(world, ada, base, [kept]);
  await settled(world, ada, [payload!.documents![0]!.id]);
  await givenUpload(world, ada, markdown("unused.md", "# Unused\n\nNobody wants it."));
  // As a process leaves it that is killed when the bytes are stored and the row isn't yet.
  const blobKey = `${ada.organizationId}/${ada.workspaceId}/${kept}/killed`;
  await (await folderBlobs(world.folder)).write(blobKey, Readable.from([hello]), { sizeMax: 1000 });
  await rows(world, ada, "update upload set transfers = array_append(transfers, $2) where id = $1", [kept, blobKey]);

  const service = world.database.asService();
  await pruneUploads(service, new Date());
  expect((await uploads()).length).toBeGreaterThan(0);
  await pruneUploads(service, new Date(Date.now() + 2 * 60 * 60 * 1000));
  expect(await uploads()).toEqual([]);
  const documents = await rows<{ blob_key: string }>(world, ada, "select blob_key from document");
  const used = documents.map(({ blob_key }) => blob_key.split("/").at(-1)!).sort();
  await eventually(async () => storedFiles(world).length <= used.length);
  expect(storedFiles(world).sort()).toEqual(used);
});

test("an address stops working after fifteen minutes", async () => {
  const { url } = await givenAnnouncement(world, ada, note);
  world.advance(15 * 60 * 1000);
  expect(await put(url, hello)).toEqual({ status: 404, code: "NOT_FOUND" });
});
