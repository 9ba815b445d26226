import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pino from "pino";
import { RequestRefused } from "../endpoint";
import { openPersistedOperations, readManifest, type PersistedOperations, type PersistedOptions } from "./persisted";

const directory = mkdtempSync(path.join(tmpdir(), "atrium-operations-"));
const manifest = path.join(directory, "manifest.json");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const log = pino({ level: "silent" });
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");
const publish = (operations: object[]) =>
  writeFileSync(manifest, JSON.stringify({ format: "apollo-persisted-query-manifest", version: 1, operations }));

let operations: PersistedOperations;
const open = (o: Partial<PersistedOptions> = {}) =>
  (operations = openPersistedOperations({ automatic: true, unknown: "ALLOW", watchMs: 10, log, ...o }));
afterEach(() => operations?.close());

/** The text, or the code of the refusal. */
function ask(params: { query?: string; id?: string }, name?: string): string {
  try {
    const { query, id } = params;
    return operations.textOf(
      { query, ...(id !== undefined && { extensions: { persistedQuery: { version: 1, sha256Hash: id } } }) },
      { client: { name }, log },
    );
  } catch (error) {
    if (error instanceof RequestRefused) return String(error.errors[0]!.extensions["code"]);
    throw error;
  }
}

test("a text is stored under its hash and had by it; under another hash it isn't stored", () => {
  open();
  const id = hashOf("{ a }");
  expect(ask({ id })).toBe("PERSISTED_QUERY_NOT_FOUND");
  expect(ask({ query: "{ b }", id })).toBe("BAD_REQUEST");
  expect(ask({ id })).toBe("PERSISTED_QUERY_NOT_FOUND");
  expect(ask({ query: "{ a }", id })).toBe("{ a }");
  expect(ask({ id })).toBe("{ a }");
});

test("where nothing is stored automatically, a hash isn't supported", () => {
  open({ automatic: false });
  expect(ask({ query: "{ a }", id: hashOf("{ a }") })).toBe("PERSISTED_QUERY_NOT_SUPPORTED");
});

test("neither a text nor an id", () => {
  open();
  expect([ask({}), ask({ query: "  " })]).toEqual(["BAD_REQUEST", "BAD_REQUEST"]);
});

describe("a safelist", () => {
  const known = [
    { id: "one", name: "One", type: "query", body: "query One { a }" },
    { id: "two", name: "Two", type: "query", body: "query Two { b }", clientName: "console" },
  ];
  beforeEach(() => publish(known));

  test("only what is in it runs, by its id or its text, for the client it is of", () => {
    open({ manifest, unknown: "REFUSE" });
    expect([ask({ id: "one" }), ask({ query: known[0]!.body })]).toEqual([known[0]!.body, known[0]!.body]);
    expect([ask({ id: "two" }, "console"), ask({ query: known[1]!.body }, "console")]).toEqual([
      known[1]!.body,
      known[1]!.body,
    ]);
    for (const name of [undefined, "other"])
      expect([ask({ id: "two" }, name), ask({ query: known[1]!.body }, name)]).toEqual([
        "OPERATION_NOT_SAFELISTED",
        "OPERATION_NOT_SAFELISTED",
      ]);
    expect([ask({ query: "{ c }" }), ask({ query: "{ c }", id: hashOf("{ c }") }), ask({ id: "none" })]).toEqual(
      Array(3).fill("OPERATION_NOT_SAFELISTED"),
    );
  });

  test("to begin with, what isn't in it can be logged", () => {
    const lines: string[] = [];
    open({ manifest, unknown: "LOG" });
    const told = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    expect(operations.textOf({ query: "{ c }" }, { client: { name: "app" }, log: told })).toBe("{ c }");
    expect(JSON.parse(lines[0]!)).toMatchObject({ hash: hashOf("{ c }"), client: "app" });
    expect(lines.join()).not.toContain("{ c }");
  });

  test("a changed one is taken over; a broken one is not", async () => {
    open({ manifest, unknown: "REFUSE" });
    writeFileSync(manifest, "{");
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(ask({ id: "one" })).toBe(known[0]!.body);
    publish([{ id: "three", body: "{ d }" }]);
    for (let n = 0; n < 300 && ask({ id: "three" }) !== "{ d }"; n++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect([ask({ id: "three" }), ask({ id: "one" })]).toEqual(["{ d }", "OPERATION_NOT_SAFELISTED"]);
  });
});

test.each([
  ["{", /isn't JSON/],
  ['{"format": "other", "version": 1, "operations": []}', /format/],
  [
    '{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "", "body": 1}]}',
    /operations\.0\.id[\s\S]*operations\.0\.body/,
  ],
])("a manifest that is none says what is wrong: %s", (text, message) => {
  expect(() => readManifest(text, "manifest.json")).toThrow(message);
});
