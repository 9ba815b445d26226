// The import rules of the code base as one ESLint rule. A file's role follows from its place and name; the table below
// says which roles it may import. CONTRIBUTING.md explains the layers.
import { existsSync } from "node:fs";
import path from "node:path";

/** Which files of a noun's folder (or of the service's root) a file of each role may import. */
const allowed = {
  noun: ["noun"],
  policy: ["noun", "policy"],
  store: ["noun", "generated", "root"],
  loaders: ["noun", "store", "root"],
  commands: ["noun", "policy", "store", "commands", "part", "clients", "root"],
  part: ["noun", "policy", "store", "commands", "part", "clients", "root"],
  graphql: ["noun", "policy", "commands", "part", "loaders", "graphql", "root"],
  handlers: ["noun", "commands", "part", "root"],
  // What the noun holds of people: read and erased by SQL across tenants, under the policies of one person.
  personalData: ["noun", "store", "commands", "part", "root"],
  clients: ["noun", "part", "clients", "root"],
  root: [
    "noun",
    "policy",
    "store",
    "commands",
    "part",
    "loaders",
    "graphql",
    "handlers",
    "personalData",
    "clients",
    "generated",
    "root",
  ],
};

/** The packages of ours that a role may use; roles that aren't named may use all of them. */
const packagesOf = {
  noun: ["errors", "ids", "access"],
  policy: ["errors", "ids", "access"],
};
// The noun file decides; who may act is the policy's question.
packagesOf.noun = packagesOf.noun.filter((name) => name !== "access");

const named = {
  policy: "policy",
  store: "store",
  loaders: "loaders",
  commands: "commands",
  queries: "commands",
  graphql: "graphql",
  handlers: "handlers",
  "personal-data": "personalData",
};

/** Where a file stands: in a service (with its noun and role), in a package, at the gateway or elsewhere. */
export function placeOf(file) {
  const parts = file.split(path.sep).join("/");
  const service = /(?:^|\/)services\/([^/]+)\/src\/(.+)$/.exec(parts);
  if (!service) {
    const other = /(?:^|\/)(packages|gateway|infra\/embedded|e2e|bench)(?:\/([^/]+))?\/src\//.exec(`${parts}`);
    return other ? { group: other[1].split("/")[0], name: other[2] ?? null } : { group: "elsewhere" };
  }
  const [, name, rest] = service;
  const segments = rest.split("/");
  const base = segments.at(-1).replace(/(\.test)?\.[cm]?tsx?$/, "");
  const place = {
    group: "services",
    name,
    noun: segments.length > 1 ? segments[0] : null,
    // What only tests use stands beside them, and may reach what they reach.
    test: /\.test\.ts$|^testing(-[a-z]+)*(\.ts|\/)/.test(rest),
  };
  if (segments.includes("generated")) return { ...place, role: "generated" };
  if (segments.length === 1) return { ...place, role: "root" };
  if (segments[0] === "clients") return { ...place, role: "clients" };
  return { ...place, role: named[base] ?? (base === segments[0] ? "noun" : "part") };
}

const serviceNames = ["identity", "tenancy", "knowledge", "chat", "procurement", "privacy", "field", "activity"];
/** SDKs of foreign systems: each is used behind a function type in `clients/`. */
const foreign = /^(langchain|@langchain\/|@aws-sdk\/|nodemailer|openai|@anthropic-ai\/|groq-sdk)/;

/** Why this import breaks the rules, or null. */
export function objection(file, specifier, resolve = resolveRelative) {
  const from = placeOf(file);
  if (from.group === "services" && from.test) return crossesServices(from, specifier);
  const crossing = crossesServices(from, specifier);
  if (crossing) return crossing;
  if (from.group !== "services") return null;

  if (/^@prisma\/|^prisma$/.test(specifier))
    return from.role === "root" || from.role === "store"
      ? null
      : "Only the store (and main.ts, which opens it) imports Prisma.";
  if (foreign.test(specifier))
    return from.role === "clients" ? null : "A foreign SDK is imported in src/clients/ alone, behind a function type.";
  const ours = /^@atrium\/([^/]+)/.exec(specifier)?.[1];
  if (ours) {
    const may = packagesOf[from.role];
    return may && !may.includes(ours)
      ? `A ${from.role} file uses ${may.map((name) => `@atrium/${name}`).join(", ")} alone.`
      : null;
  }
  if (!specifier.startsWith(".")) return null;

  const to = placeOf(resolve(file, specifier));
  if (to.group !== "services" || to.name !== from.name)
    return "A service reaches outside its own folder only by package name.";
  if (to.role === "store" && from.noun !== null && to.noun !== from.noun)
    return `The store of ${to.noun} belongs to ${to.noun}: use its commands or queries.`;
  return allowed[from.role]?.includes(to.role)
    ? null
    : `A ${from.role} file may not import a ${to.role} file (it may import: ${allowed[from.role].join(", ")}).`;
}

function crossesServices(from, specifier) {
  const ours = /^@atrium\/([^/]+)/.exec(specifier)?.[1];
  if (!ours) return null;
  const service = serviceNames.includes(ours) || ours === "gateway" || ours === "embedded";
  if (from.group === "services" && service && ours !== from.name)
    return "Services never import services: facts arrive as events or are joined by the graph.";
  if (from.group === "packages" && service) return "Packages never import services.";
  if (from.group === "gateway" && serviceNames.includes(ours))
    return "The gateway knows services by their schemas alone.";
  return null;
}

function resolveRelative(file, specifier) {
  const target = path.resolve(path.dirname(file), specifier);
  if (existsSync(`${target}.ts`)) return `${target}.ts`;
  return existsSync(path.join(target, "index.ts")) ? path.join(target, "index.ts") : `${target}.ts`;
}

const rule = {
  meta: { type: "problem", schema: [], messages: { layer: "{{why}}" } },
  create(context) {
    const check = (node) => {
      if (!node.source || typeof node.source.value !== "string") return;
      const why = objection(context.filename, node.source.value);
      if (why) context.report({ node: node.source, messageId: "layer", data: { why } });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      CallExpression(node) {
        if (node.callee.name === "require") check({ source: node.arguments[0] });
      },
    };
  },
};

export default { rules: { layers: rule } };
