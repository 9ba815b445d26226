import type { IncomingHttpHeaders } from "node:http";
import type { HeaderRule } from "./config";

export type HeadersFor = (client: IncomingHttpHeaders) => Record<string, string>;

// What belongs to one connection or describes one body: a rule that names them would break requests.
const neverPassed = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Compiles the rules for one subgraph: those for all first, then its own. Undefined where there is nothing to send. */
export function compileHeaderRules(rules: readonly HeaderRule[]): HeadersFor | undefined {
  const removed = rules.flatMap((rule) => ("remove" in rule ? [rule.remove.toLowerCase()] : []));
  const kept = rules.filter((rule, at) => {
    if ("remove" in rule) return false;
    const name = nameOf(rule);
    const takenBack = rules.slice(at + 1).some((later) => "remove" in later && later.remove.toLowerCase() === name);
    return !takenBack && !neverPassed.has(name);
  });
  if (kept.length === 0 && removed.length === 0) return undefined;
  return (client) => {
    const headers: Record<string, string> = {};
    for (const rule of kept) {
      if ("insert" in rule) headers[nameOf(rule)] = rule.value;
      else if ("propagate" in rule) {
        const given = client[rule.propagate.toLowerCase()] ?? rule.default;
        if (given !== undefined) headers[nameOf(rule)] = Array.isArray(given) ? given.join(", ") : given;
      }
    }
    return headers;
  };
}

const nameOf = (rule: HeaderRule): string =>
  ("insert" in rule ? rule.insert : "propagate" in rule ? (rule.as ?? rule.propagate) : rule.remove).toLowerCase();
