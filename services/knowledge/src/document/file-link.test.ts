import { ask, givenBaseWith, markdown, memberOf, startWorld, type World } from "../testing/world";
import { fileLink, readFileLink } from "./file-link";

let world: World;
const ada = memberOf("org_ada");
const eve = memberOf("org_eve");

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world?.stop());

const content = "# Leave\n\nEvery employee has 28 days of leave.\n";

async function givenLink(filename = "leave.md") {
  const { documents } = await givenBaseWith(world, ada, markdown(filename, content));
  const { id } = documents[0]!;
  const { data } = await ask(world, ada, `{ document(id: "${id}") { file { url expiresAt } } }`);
  return { id, url: data.document.file.url as string };
}

test("a document's file is downloaded as it was uploaded, and no browser runs it here", async () => {
  const { url } = await givenLink("l\u00e9ave 'of' absence.md");
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(content);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "application/octet-stream",
    "content-disposition": "attachment; filename*=UTF-8''l%C3%A9ave%20%27of%27%20absence.md",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-store",
    "content-length": String(content.length),
  });
});

test("parts of it are sent as asked for, and HEAD sends none", async () => {
  const { url } = await givenLink();
  const part = async (range: string) => {
    const response = await fetch(url, { headers: { range } });
    return [response.status, response.headers.get("content-range"), await response.text()];
  };
  const size = content.length;
  expect(await part("bytes=2-6")).toEqual([206, `bytes 2-6/${size}`, "Leave"]);
  expect(await part("bytes=9-")).toEqual([206, `bytes 9-${size - 1}/${size}`, content.slice(9)]);
  expect(await part("bytes=-7")).toEqual([206, `bytes ${size - 7}-${size - 1}/${size}`, content.slice(-7)]);
  expect(await part(`bytes=0-99999`)).toEqual([206, `bytes 0-${size - 1}/${size}`, content]);
  expect(await part(`bytes=${size}-`)).toEqual([416, `bytes */${size}`, ""]);
  expect(await part("bytes=-0")).toEqual([416, `bytes */${size}`, ""]);
  for (const whole of ["bytes=0-1,3-4", "lines=1-2", "bytes=a-b", "bytes=-"]) expect((await part(whole))[0]).toBe(200);
  const head = await fetch(url, { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, String(size), ""]);
});

test("an address that was changed, made up or made with another key opens nothing", async () => {
  const { url, id } = await givenLink();
  const token = url.split("/").at(-1)!;
  const [payload, mac] = token.split(".") as [string, string];
  const forged = Buffer.from(
    JSON.stringify({ ...JSON.parse(Buffer.from(payload, "base64url").toString()), organizationId: "org_eve" }),
  ).toString("base64url");
  const foreign = fileLink(
    { fileLinkKey: Buffer.alloc(32), publicUrl: world.origin, now: () => new Date() },
    { id, organizationId: ada.organizationId, workspaceId: ada.workspaceId },
  ).url;
  const addresses = [
    `${forged}.${mac}`,
    `${payload}.`,
    `${payload}.${mac}x`,
    `${payload}.${mac}.${mac}`,
    payload,
    `.${mac}`,
    "x",
    foreign.split("/").at(-1)!,
  ];
  for (const address of addresses) {
    const response = await fetch(`${world.origin}/files/${address}`);
    expect([address, response.status]).toEqual([address, 404]);
  }
});

test("an address that was rightly made for a document of another workspace opens nothing", async () => {
  const { id } = await givenLink();
  const key = Buffer.alloc(32, 7);
  const made = fileLink(
    { fileLinkKey: key, publicUrl: "", now: () => new Date() },
    { id, organizationId: eve.organizationId, workspaceId: eve.workspaceId },
  );
  expect(readFileLink(made.url.split("/").at(-1)!, key, new Date())).toMatchObject({ documentId: id });
  expect(await ask(world, eve, `{ document(id: "${id}") { file { url } } }`)).toMatchObject({ code: "NOT_FOUND" });
});

test("an address ends with its document, and after fifteen minutes", async () => {
  const first = await givenLink();
  const second = await givenLink();
  await ask(world, ada, `mutation { deleteDocument(input: { documentId: "${first.id}" }) { deletedDocumentId } }`);
  expect((await fetch(first.url)).status).toBe(404);
  expect((await fetch(second.url)).status).toBe(200);
  world.advance(15 * 60 * 1000);
  expect((await fetch(second.url)).status).toBe(404);
});
