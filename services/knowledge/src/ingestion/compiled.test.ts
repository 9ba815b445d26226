import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { buildSync } from "esbuild";

// Inside the service, so that its packages are found, and apart from dist, which may be in use.
const cache = path.join(__dirname, "../../node_modules/.cache");
let compiled: string;
const onLinux = process.platform === "linux" ? test : test.skip;

beforeAll(() => {
  mkdirSync(cache, { recursive: true });
  compiled = mkdtempSync(path.join(cache, "ingestion-"));
  const sources = readdirSync(__dirname, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
    .map((entry) => path.join(entry.parentPath, entry.name));
  buildSync({
    entryPoints: sources,
    outdir: compiled,
    outbase: __dirname,
    format: "cjs",
    platform: "node",
    target: "node20.19",
  });
});
afterAll(() => rmSync(compiled, { recursive: true, force: true }));

/** Runs a script against the compiled modules in a plain Node, and returns what it prints. */
function run(script: string): unknown {
  const prelude = `
    const { startParsing } = require(${JSON.stringify(path.join(compiled, "parse.js"))});
    const { wholeDocument } = require(${JSON.stringify(path.join(compiled, "document.js"))});
    const { readFileSync } = require("node:fs");
    const parsing = startParsing({ limits: { processBytes: 250 * 1024 * 1024 } });
    const read = (filename, content) => wholeDocument(parsing.parse({ filename, content }));
    const print = (value) => console.log(JSON.stringify(value));
    (async () => { ${script}; await parsing.close(); })();`;
  return JSON.parse(execFileSync(process.execPath, ["-e", prelude], { encoding: "utf8", env: {} }));
}

const documents = path.join(__dirname, "../../fixtures/documents");

test("compiled, and in a plain Node, every kind of document is read", () => {
  const files = [
    "ntsb-20071229X02007.pdf",
    "testWORD_various.docx",
    "testPPT_various.pptx",
    "testEXCEL_hyperlinks.xlsx",
    "testRTFVarious.rtf",
    "testHTMLGoodScript.html",
  ];
  const paths = files.map((name) => path.join(documents, name));
  const script = `
    const documents = [];
    for (const path of ${JSON.stringify(paths)}) documents.push((await read("x", readFileSync(path))).format);
    for (const text of ["# A\\n\\nb", "a,b\\n1,2\\n3,4\\n", '{"a":1}', "From: a@b.c\\nTo: b@c.d\\nSubject: s\\n\\nt", "t"]) documents.push((await read("x", Buffer.from(text))).format);
    print(documents)`;
  expect(run(script)).toEqual(["PDF", "DOCX", "PPTX", "XLSX", "RTF", "HTML", "MARKDOWN", "CSV", "JSON", "EML", "TXT"]);
});

test("compiled, a document that takes too much memory is ended", () => {
  expect(
    run(`print(await read("x.json", Buffer.from("[" + "[1],".repeat(1e7) + "1]")).catch((failure) => failure.code))`),
  ).toBe("TOO_LARGE");
});

onLinux("a reading process may read the program's files, and neither others nor write nor start anything", () => {
  const commandLine = run(`
    await read("x", Buffer.from("text"));
    print(readFileSync("/proc/" + parsing.load().processIds[0] + "/cmdline", "utf8").split("\\0"))`) as string[];
  const flags = commandLine.filter((word) => word.startsWith("--"));
  const attempt = (code: string) => spawnSync(process.execPath, [...flags, "-e", code], { encoding: "utf8", env: {} });
  const forbidden = [
    `require("node:fs").readFileSync("/etc/hostname")`,
    `require("node:fs").readFileSync("/proc/" + process.ppid + "/environ")`,
    `require("node:fs").writeFileSync(${JSON.stringify(path.join(compiled, "written"))}, "x")`,
    `require("node:child_process").execFileSync("/bin/true")`,
  ];
  for (const code of forbidden) expect(attempt(code).stderr).toContain("ERR_ACCESS_DENIED");
  expect(attempt(`require("node:fs").readFileSync(${JSON.stringify(path.join(compiled, "parse.js"))})`).status).toBe(0);
});

test("a reading process doesn't outlive its owner, however busy it is and however the owner ended", async () => {
  const script = `
    const { startParsing } = require(${JSON.stringify(path.join(compiled, "parse.js"))});
    const parsing = startParsing();
    const content = Buffer.from("<html>" + "<i>".repeat(19000) + "</b>".repeat(2000000));
    parsing.parse({ filename: "slow.html", content })[Symbol.asyncIterator]().next().catch(() => {});
    setTimeout(() => console.log(parsing.load().processIds[0]), 1000);`;
  const owner = spawn(process.execPath, ["-e", script], { env: {}, stdio: ["ignore", "pipe", "ignore"] });
  const pid = await new Promise<number>((resolve) =>
    owner.stdout.once("data", (said: Buffer) => resolve(Number(said.toString()))),
  );
  expect(() => process.kill(pid, 0)).not.toThrow();
  owner.kill("SIGKILL");
  for (let waits = 0; isAlive(pid) && waits < 50; waits++) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isAlive(pid)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
