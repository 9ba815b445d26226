/** How an answer may be sent, by the client's `Accept`. */
export interface Accepted {
  /** Null when nothing that we have is accepted: 406. */
  type: "application/graphql-response+json" | "application/json" | null;
  /** `@defer` by `multipart/mixed; deferSpec=20220824`. */
  deferred: boolean;
  /** Subscriptions: server-sent events, or `multipart/mixed; subscriptionSpec=1.0`. */
  events: "SSE" | "MULTIPART" | null;
  /** Whether the client reads nothing but such a stream: a single answer is one event then. */
  onlyEvents: boolean;
}

const anything: Accepted = { type: "application/json", deferred: false, events: null, onlyEvents: false };
const rememberedMax = 500;
const remembered = new Map<string, Accepted>();

/**
 * By the GraphQL over HTTP specification: whoever names no type, or any, is taken for a client from before
 * `application/graphql-response+json`.
 */
export function accepted(header: string | undefined): Accepted {
  if (header === undefined || header === "" || header === "*/*") return anything;
  const known = remembered.get(header);
  if (known) return known;
  const read = readAccept(header);
  if (remembered.size < rememberedMax) remembered.set(header, read);
  return read;
}

function readAccept(header: string): Accepted {
  const entries = header.split(",").map((entry, at) => {
    const [name, ...rest] = entry
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    const parameters = new Map(
      rest.map((each) => {
        const [key, value = ""] = each.split(/\s*=\s*/);
        return [key!, value.replace(/^"|"$/g, "")] as const;
      }),
    );
    return { name: name!, parameters, at, quality: Number(parameters.get("q") ?? 1) };
  });
  const wanted = entries.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality || a.at - b.at);
  let type: Accepted["type"] = null;
  let deferred = false;
  let events: Accepted["events"] = null;
  for (const { name, parameters } of wanted) {
    const charset = parameters.get("charset") ?? "utf-8";
    if (name === "multipart/mixed") {
      if (parameters.get("deferspec") === "20220824") deferred = true;
      if (parameters.has("subscriptionspec")) events ??= "MULTIPART";
      // A client of increments takes the single answer as well.
      if (parameters.has("deferspec") || parameters.has("subscriptionspec")) continue;
    }
    if (name === "text/event-stream") events ??= "SSE";
    if (type !== null || charset !== "utf-8") continue;
    if (name === "application/graphql-response+json") type = name;
    else if (name === "application/json" || name === "*/*" || name === "application/*") type = "application/json";
  }
  const onlyEvents = type === null && !deferred && events === "SSE";
  if (type === null && (deferred || events !== null)) type = "application/json";
  return { type, deferred, events, onlyEvents };
}
