import { execFileSync, spawnSync } from "node:child_process";
import path from "node:path";

const root = path.resolve(__dirname, "../..");

/** Asks the rule itself, in one process for all cases: what it says of each import, null where it is allowed. */
function objections(cases: (readonly [file: string, imported: string])[]): (string | null)[] {
  const script = `
    import { objection } from "./infra/workspace/eslint-layers.mjs";
    import path from "node:path";
    const cases = JSON.parse(process.argv[1]);
    const resolve = (file, specifier) => path.join(path.dirname(file), specifier) + ".ts";
    console.log(JSON.stringify(cases.map(([file, imported]) => objection(file, imported, resolve))));`;
  const args = ["--input-type=module", "-e", script, JSON.stringify(cases)];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" }));
}

const chatbot = (file: string) => `services/chat/src/chatbot/${file}.ts`;

test("an import against the layers is refused", () => {
  const forbidden: [string, string][] = [
    [chatbot("graphql"), "./store"],
    [chatbot("handlers"), "./store"],
    [chatbot("commands"), "./graphql"],
    [chatbot("commands"), "./loaders"],
    [chatbot("commands"), "../conversation/store"],
    [chatbot("store"), "./commands"],
    [chatbot("loaders"), "./commands"],
    [chatbot("chatbot"), "./store"],
    [chatbot("chatbot"), "./policy"],
    [chatbot("chatbot"), "@atrium/database"],
    [chatbot("chatbot"), "@atrium/access"],
    [chatbot("policy"), "@atrium/events"],
    [chatbot("commands"), "../generated/prisma/client"],
    [chatbot("commands"), "@prisma/client"],
    [chatbot("answer"), "langchain"],
    [chatbot("answer"), "@langchain/groq"],
    [chatbot("commands"), "@atrium/knowledge"],
    [chatbot("commands"), "../../../knowledge/src/search/search"],
    ["packages/events/src/outbox.ts", "@atrium/chat"],
    ["gateway/src/main.ts", "@atrium/chat"],
  ];
  const said = objections(forbidden);
  expect(forbidden.filter((_, i) => said[i] === null)).toEqual([]);
});

test("an import along the layers is allowed", () => {
  const allowed: [string, string][] = [
    [chatbot("graphql"), "./commands"],
    [chatbot("graphql"), "./queries"],
    [chatbot("graphql"), "./loaders"],
    [chatbot("handlers"), "./commands"],
    [chatbot("commands"), "./store"],
    [chatbot("commands"), "../conversation/commands"],
    [chatbot("commands"), "@atrium/events"],
    [chatbot("commands"), "../clients/groq"],
    [chatbot("store"), "../generated/prisma/client"],
    [chatbot("loaders"), "./store"],
    [chatbot("policy"), "@atrium/access"],
    [chatbot("chatbot"), "@atrium/errors"],
    ["services/chat/src/clients/groq.ts", "@langchain/groq"],
    ["services/chat/src/chatbot/chatbot.test.ts", "./store"],
    ["infra/embedded/src/main.ts", "@atrium/chat"],
    ["packages/events/src/outbox.ts", "@atrium/errors"],
  ];
  const said = objections(allowed);
  expect(allowed.flatMap((one, i) => (said[i] === null ? [] : [[...one, said[i]]]))).toEqual([]);
});

test("the linter applies the rule to the sources", () => {
  const eslint = path.join(root, "node_modules/eslint/bin/eslint.js");
  const args = [eslint, "--stdin", "--stdin-filename", chatbot("graphql")];
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: root,
    input: 'import { findChatbot } from "./store";\nexport const chatbot = findChatbot;\n',
    encoding: "utf8",
  });
  expect(stdout).toContain("A graphql file may not import a store file");
  expect(status).toBe(1);
});
