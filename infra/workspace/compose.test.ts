import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

jest.setTimeout(60_000);

const root = path.resolve(__dirname, "../..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

const services = ["identity", "tenancy", "knowledge", "chat", "activity", "privacy"];
const sound = {
  compose: read("docker-compose.yml"),
  envExample: read(".env.example"),
  dockerfile: read("infra/docker/Dockerfile"),
  services,
};

const compose = (from: string | RegExp, to: string) => {
  const changed = sound.compose.replace(from, to);
  expect(changed).not.toBe(sound.compose);
  return { compose: changed };
};

const cases: [string, Partial<typeof sound>, string][] = [
  ["a service that is in the list alone", { services: [...services, "procurement"] }, "there is no procurement"],
  ["a service that nobody knows", compose("  chat:\n    <<", "  chatter:\n    <<"), "nobody knows a service chatter"],
  ["an address that nobody listens on", compose("chat=http://chat:4001", "chat=http://chat:4002"), "looks for chat at"],
  ["a misspelt setting", compose("KAFKA_BROKERS:", "KAFKA_BROKER:"), "identity knows no setting KAFKA_BROKER"],
  [
    "a value that its setting refuses",
    compose("REDIS_URL: redis:", "REDIS_URL: http:"),
    "REDIS_URL: must be an address",
  ],
  [
    "a default for a secret",
    compose("${ATRIUM_SECRET:?has to be set in .env}", "${ATRIUM_SECRET:-secret}"),
    "is a secret",
  ],
  [
    "a published service",
    compose("  redis:\n    image", '  redis:\n    ports: ["6379:6379"]\n    image'),
    "redis is published",
  ],
  ["a network that leads out", compose("{ internal: true }", "{}"), "is on a network that leads out"],
  ["a port that isn't the gateway's", compose(":-4000}:4000", ":-4000}:4001"), "and listens on 4000"],
  ["what the Compose Specification hasn't", compose("    shm_size:", "    shmsize:"), "must NOT have"],
  ["a secret in .env.example", { envExample: sound.envExample.replace("SECRET=", "SECRET=hush") }, "gives the secret"],
  ["an image that runs as root", { dockerfile: sound.dockerfile.replace("USER node", "") }, "the image runs as root"],
];

/** Of each case, found in one process of its own, as `npm run check` does it: it reads what is built. */
let faults: string[];
beforeAll(() => {
  const checker = pathToFileURL(path.join(root, "infra/workspace/compose.mjs")).href;
  const script = `const { faultsOfCompose } = await import(${JSON.stringify(checker)});
    const cases = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
    const faults = cases.map(({ compose, ...rest }) => faultsOfCompose(compose, rest).join("\\n"));
    console.log(JSON.stringify(faults));`;
  const input = JSON.stringify([sound, ...cases.map(([, changed]) => ({ ...sound, ...changed }))]);
  const args = ["--input-type=module", "-e", script, "test"];
  faults = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", input, cwd: root })) as string[];
});

test("the file as it is has none", () => {
  expect(faults[0]).toBe("");
});

test.each(cases.map(([what, , fault], i) => [what, fault, i + 1] as const))("%s is a fault", (_, fault, i) => {
  expect(faults[i]).toContain(fault);
});
