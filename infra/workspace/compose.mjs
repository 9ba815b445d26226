// `npm run check` reads docker-compose.yml: by the schema of the Compose Specification, by `docker compose config` where
// there is one, and against what the code knows of its services and their settings. Writes nothing.
import Ajv from "ajv/dist/2020.js";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { command, prepare, root } from "./prepare.mjs";

const require = createRequire(import.meta.url);
const ours = (workspace, file) => require(path.join(root, workspace, "dist", file));
const read = (file) => readFileSync(path.join(root, file), "utf8");

const servers = ["postgres", "redis", "kafka"];
const secrets = ["ATRIUM_SECRET", "POSTGRES_PASSWORD", "REDIS_PASSWORD"];
const variable = /\$\$|\$\{([A-Z_]+)(?:(:[-?])([^}]*))?\}/g;

/** Everything that is wrong with a Compose file, given what `.env.example` and the Dockerfile say. */
export function faultsOfCompose(text, { envExample, dockerfile, services }) {
  const file = parse(text, { merge: true });
  return [
    ...faultsOfSchema(file),
    ...faultsOfVariables(text, envExample),
    ...faultsOfParts(file, services),
    ...faultsOfSettings(file, services),
    ...faultsOfDockerfile(file, dockerfile),
  ];
}

function faultsOfSchema(file) {
  const schema = JSON.parse(read("infra/compose/compose-spec.json"));
  const validate = new Ajv({ allErrors: true, strict: false, validateFormats: false }).compile(schema);
  if (validate(file)) return [];
  return validate.errors.map(({ instancePath, message }) => `${instancePath}: ${message} (the Compose Specification)`);
}

/** Variables and their place in `.env.example`; a secret has no value but what somebody gives it. */
function faultsOfVariables(text, envExample) {
  const faults = [];
  const offered = new Map([...envExample.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
  const used = new Set();
  for (const [, name, kind, rest] of text.matchAll(variable)) {
    if (!name) continue;
    used.add(name);
    if (!offered.has(name)) faults.push(`${name} isn't in .env.example`);
    if (secrets.includes(name) && kind !== ":?") faults.push(`${name} is a secret, so it must be \${${name}:?…}`);
    if (kind === ":-" && rest && offered.get(name) !== rest)
      faults.push(`${name} has another default here (${rest}) than in .env.example (${offered.get(name)})`);
  }
  for (const [name, value] of offered) {
    if (!used.has(name)) faults.push(`.env.example has ${name}, which nothing uses`);
    if (secrets.includes(name) && value) faults.push(`.env.example gives the secret ${name} a value`);
  }
  return faults;
}

function faultsOfParts(file, services) {
  const faults = [];
  const expected = ["gateway", ...services, ...servers];
  const there = Object.keys(file.services);
  for (const name of expected) if (!there.includes(name)) faults.push(`there is no ${name}`);
  for (const name of there) if (!expected.includes(name)) faults.push(`nobody knows a service ${name}`);
  for (const [name, part] of Object.entries(file.services)) {
    if (!part.healthcheck) faults.push(`${name} has no health check`);
    for (const [other, { condition }] of Object.entries(part.depends_on ?? {})) {
      if (!there.includes(other)) faults.push(`${name} depends on ${other}, which isn't there`);
      if (condition !== "service_healthy") faults.push(`${name} doesn't wait until ${other} is healthy`);
    }
    for (const volume of part.volumes ?? [])
      if (!Object.hasOwn(file.volumes, volume.split(":")[0]))
        faults.push(`${name} has a volume that isn't named: ${volume}`);
    if (name !== "gateway" && part.ports) faults.push(`${name} is published`);
    for (const network of part.networks ?? [])
      if (name !== "gateway" && !file.networks[network]?.internal)
        faults.push(`${name} is on a network that leads out`);
  }
  for (const name of services) {
    const waits = Object.keys(file.services[name]?.depends_on ?? {});
    for (const server of servers) if (!waits.includes(server)) faults.push(`${name} doesn't wait for ${server}`);
    if (!file.services.gateway?.depends_on?.[name]) faults.push(`the gateway doesn't wait for ${name}`);
  }
  return faults;
}

/** The environment of each of our programs, as its own settings read it, and the addresses that they have of each other. */
function faultsOfSettings(file, services) {
  const { parseSettings, processSettings } = ours("packages/subgraph", "index.js");
  const { gatewaySettings } = ours("gateway", "settings.js");
  const faults = [];
  for (const name of ["gateway", ...services].filter((each) => file.services[each])) {
    const { environment, command: program, ports = [], healthcheck } = file.services[name];
    const schema =
      name === "gateway"
        ? gatewaySettings
        : processSettings.extend(ours(`services/${name}`, "settings.js").settingsSchema.shape);
    for (const setting of Object.keys(environment))
      if (!Object.hasOwn(schema.shape, setting)) faults.push(`${name} knows no setting ${setting}`);
    let settings;
    try {
      settings = parseSettings(schema, filledIn(environment));
    } catch (error) {
      faults.push(`${name}: ${error.message}`);
      continue;
    }
    if (!existsSync(path.join(root, program[0]))) faults.push(`${name} runs ${program[0]}, which isn't there`);
    if (!JSON.stringify(healthcheck.test).includes(`127.0.0.1:${settings.PORT}/`))
      faults.push(`the health check of ${name} asks another port than ${settings.PORT}`);
    for (const port of ports)
      if (!port.endsWith(`:${settings.PORT}`)) faults.push(`${name} publishes ${port} and listens on ${settings.PORT}`);
    faults.push(...faultsOfAddresses(name, settings, file, services));
  }
  return faults;
}

function faultsOfAddresses(name, settings, file, services) {
  const faults = [];
  for (const service of services) {
    const [url] = settings.SERVICE_URLS.get(service) ?? [];
    const expected = `http://${service}:${file.services[service]?.environment.PORT}`;
    if (url !== expected) faults.push(`${name} looks for ${service} at ${url}, and it is at ${expected}`);
  }
  const hosts = [settings.DATABASE_ADMIN_URL, settings.REDIS_URL].filter(Boolean).map((url) => new URL(url).hostname);
  for (const broker of settings.KAFKA_BROKERS ?? []) hosts.push(broker.split(":")[0]);
  for (const host of hosts) if (!servers.includes(host)) faults.push(`${name} looks for a server at ${host}`);
  return faults;
}

/** As Compose would, with a value of the right form for each variable. */
function filledIn(environment) {
  const values = { PUBLIC_URL: "http://localhost:4000", LOG_LEVEL: "info" };
  const fill = (whole, name) => (name ? (values[name] ?? "s".repeat(32)) : "$");
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, String(value).replaceAll(variable, fill)]),
  );
}

function faultsOfDockerfile(file, dockerfile) {
  const faults = [];
  const { dockerfile: named } = file.services.gateway.build;
  if (!existsSync(path.join(root, named))) faults.push(`there is no ${named}`);
  const [major] = read(".nvmrc").split(".");
  if (!new RegExp(`^ARG NODE_VERSION=${major}\\.`, "m").test(dockerfile))
    faults.push(`the image isn't of Node ${major}`);
  const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
  if (!/^USER (?!root)\w+$/m.test(last)) faults.push("the image runs as root");
  for (const [, copied] of dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm))
    for (const source of copied.split(" "))
      if (!existsSync(path.join(root, source))) faults.push(`the image copies ${source}, which isn't there`);
  return faults;
}

/** What Docker itself says, where it is here; an empty text when nothing is wrong. */
function objectionOfDocker() {
  if (spawnSync("docker", ["compose", "version"]).status !== 0) return "";
  const folder = mkdtempSync(path.join(tmpdir(), "atrium-compose-"));
  const env = path.join(folder, "env");
  writeFileSync(env, read(".env.example").replaceAll(/^([A-Z_]+)=$/gm, `$1=${"s".repeat(32)}`));
  const { status, stderr } = spawnSync("docker", ["compose", "--env-file", env, "config", "--quiet"], { cwd: root });
  rmSync(folder, { recursive: true });
  return status === 0 ? "" : stderr.toString();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  await command(async () => {
    await prepare();
    const { services } = ours("infra/embedded", "services.js");
    const faults = faultsOfCompose(read("docker-compose.yml"), {
      envExample: read(".env.example"),
      dockerfile: read("infra/docker/Dockerfile"),
      services: Object.keys(services),
    });
    const objection = objectionOfDocker();
    if (objection) faults.push(`docker compose config: ${objection}`);
    if (faults.length > 0) console.error(faults.map((fault) => `docker-compose.yml: ${fault}`).join("\n"));
    process.exitCode = faults.length > 0 ? 1 : 0;
  });
