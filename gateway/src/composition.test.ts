import { checkSettingsExample } from "@atrium/subgraph";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { compose } from "./compose";
import { CompositionError, composeSupergraph } from "./composition";
import { gatewaySettings } from "./settings";
import { supergraphFile } from "./supergraph-file";

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@authenticated"])\n`;
const users = {
  name: "users",
  file: "services/users/schema.graphql",
  sdl: `${link}type Query { me: User }\ntype User @key(fields: "id") { id: ID!, name: String! }`,
};

const faultsOf = (...subgraphs: Parameters<typeof composeSupergraph>[0]) => {
  try {
    composeSupergraph(subgraphs);
  } catch (error) {
    if (error instanceof CompositionError) return error.message;
    throw error;
  }
  throw new Error("This was to fail.");
};

test("the supergraph doesn't depend on the order of the services", () => {
  const notes = { name: "notes", sdl: `${link}type Query { note: String }` };
  expect(composeSupergraph([users, notes])).toEqual(composeSupergraph([notes, users]));
});

test("every fault of composition is named with its place", () => {
  const notes = {
    name: "notes",
    file: "services/notes/schema.graphql",
    sdl: `${link}type Query { notes: [User!]! }\ntype User @key(fields: "id") {\n  id: ID!\n  name: Int!\n}`,
  };
  const message = faultsOf(users, notes);
  expect(message).toContain("FIELD_TYPE_MISMATCH");
  expect(message).toContain("User.name");
  expect(message).toContain("services/notes/schema.graphql:5:3");
});

test("a syntax error names its file and line", () => {
  expect(faultsOf({ name: "broken", file: "services/broken/schema.graphql", sdl: "type Query {\n  oops\n}" })).toMatch(
    /^services\/broken\/schema\.graphql: Syntax Error[\s\S]*3:1/,
  );
});

describe("the compose command", () => {
  let directory: string;
  let outputFile: string;
  let printed: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "atrium-compose-"));
    outputFile = path.join(directory, "supergraph.graphql");
    mkdirSync(path.join(directory, "services/users"), { recursive: true });
    mkdirSync(path.join(directory, "services/without-a-schema"));
    writeFileSync(path.join(directory, "services/users/schema.graphql"), users.sdl);
    printed = "";
    for (const stream of [process.stdout, process.stderr])
      jest.spyOn(stream, "write").mockImplementation((text) => ((printed += String(text)), true));
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(directory, { recursive: true });
  });
  const run = (check: boolean) => compose({ servicesDirectory: path.join(directory, "services"), outputFile, check });

  test("writes, finds it up to date, and with --check fails on a change without writing", () => {
    expect(run(true)).toBe(1);
    expect(run(false)).toBe(0);
    expect(run(true)).toBe(0);
    const composed = readFileSync(outputFile, "utf8");
    writeFileSync(path.join(directory, "services/users/schema.graphql"), users.sdl.replace("name", "fullName"));
    expect(run(true)).toBe(1);
    expect(printed).toContain("Run `pnpm compose`");
    expect(readFileSync(outputFile, "utf8")).toBe(composed);
  });

  test("leaves the file alone when the schemas don't compose", () => {
    run(false);
    const composed = readFileSync(outputFile, "utf8");
    writeFileSync(path.join(directory, "services/users/schema.graphql"), `${link}type User { id: ID! }`);
    expect(run(false)).toBe(1);
    expect(readFileSync(outputFile, "utf8")).toBe(composed);
  });
});

test("the committed supergraph is what the services' schemas compose to", () => {
  expect(
    compose({ servicesDirectory: path.resolve(__dirname, "../../services"), outputFile: supergraphFile, check: true }),
  ).toBe(0);
});

test("the example of the settings is what the settings are", () => {
  expect(
    checkSettingsExample(gatewaySettings, readFileSync(path.join(__dirname, "../.env.example"), "utf8")),
  ).toBeNull();
});
