import { setTimeout as wait } from "node:timers/promises";
import {
  deadLetters,
  discardDeadLetters,
  knownGroups,
  publishedEvents,
  replayInto,
  retryDeadLetters,
  serviceOf,
  storedStats,
  type DeadLetter,
  type Envelope,
} from "@atrium/events";
import { clocksDifferMs, takeBack } from "./afresh";
import type { Installation, ServiceHandle } from "./installation";
import { Refused } from "./refused";

export type Say = (line: string) => void;

const tailPollMs = 300;
const tailedMax = 1_000;
const pageSize = 100;

/** How much waits where, service by service. */
export async function lag({ services, transport }: Installation, say: Say): Promise<void> {
  const rows = [["service", "outbox", "oldest", "in Kafka", "inbox", "failing", "oldest", "dead letters"]];
  for (const [service, handle] of services) {
    const groups = (await knownGroups(handle)).map(({ name }) => name);
    const { outbox, inbox, deadLetters: letters } = await storedStats(handle, groups);
    const inKafka = transport ? String((await transport.lag(service)).waiting) : "–";
    rows.push([
      service,
      ...[String(outbox.waiting), age(outbox.oldestSeconds), inKafka],
      ...[String(inbox.waiting), String(inbox.failing), age(inbox.oldestSeconds), String(letters)],
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows)
    say(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "));
}

const age = (seconds: number) => (seconds === 0 ? "–" : `${seconds.toFixed(1)} s`);

export interface Chosen {
  /** Event types, or everything. */
  types: readonly string[] | "EVERY";
  service?: string;
}

/** Shows what is published, from now on, until `signal` says otherwise. */
export async function tail(
  { services, transport }: Installation,
  { types, service }: Chosen,
  signal: AbortSignal,
  say: Say,
): Promise<void> {
  const ofService = (type: string) => !service || serviceOf(type) === service;
  const show = (envelopes: readonly Envelope[]) => {
    for (const envelope of envelopes) if (ofService(envelope.type)) say(JSON.stringify(envelope));
  };
  if (transport) {
    const following = await transport.tail({ types, onEvents: show });
    await wait(2 ** 30, null, { signal }).catch(() => {});
    return following.stop();
  }
  // A position says nothing about when its event is published: what is new is what wasn't among the newest before.
  let known: Set<string> | undefined;
  while (!signal.aborted) {
    const now = new Set<string>();
    for (const [name, handle] of services) {
      if (service && service !== name) continue;
      for await (const page of publishedEvents(handle, { types, from: new Date(0), newest: tailedMax })) {
        if (known) show(page.filter(({ id }) => !known!.has(id)));
        for (const { id } of page) now.add(id);
      }
    }
    known = now;
    await wait(tailPollMs, null, { signal }).catch(() => {});
  }
}

export async function listDeadLetters(installation: Installation, service: string | undefined, say: Say) {
  let none = true;
  for (const [name, handle] of chosen(installation, service))
    for await (const letter of allLetters(handle)) {
      none = false;
      const { id, group, reason, type, subject, attempts, parkedAt, error } = letter;
      say(
        `${name} ${id}  ${reason}  ${type ?? "?"}  ${subject ?? ""}  ${group}  ${attempts} attempts  ${parkedAt.toISOString()}`,
      );
      say(`    ${error.split("\n")[0]}`);
    }
  if (none) say("There are no dead letters.");
}

export async function settleDeadLetters(
  installation: Installation,
  { what, service, ids }: { what: "retry" | "discard"; service: string; ids: readonly string[] | "ALL" },
  say: Say,
): Promise<void> {
  const [[, handle]] = chosen(installation, service) as [[string, ServiceHandle]];
  const all = ids === "ALL" ? await idsOf(handle) : ids;
  const count = what === "retry" ? await retryDeadLetters(handle, all) : await discardDeadLetters(handle, all);
  const left = all.length - count;
  say(`${count} ${what === "retry" ? "put back into the inbox" : "discarded"}.`);
  if (left > 0)
    say(
      `${left} left: ${what === "retry" ? "what was announced by somebody else is never handled, and others" : "they"} ` +
        "may be gone already (npm run events -- dead-letters).",
    );
}

async function idsOf(handle: ServiceHandle): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of allLetters(handle)) ids.push(id);
  return ids;
}

async function* allLetters(handle: ServiceHandle): AsyncGenerator<DeadLetter> {
  for (let after = "0"; ;) {
    const page = await deadLetters(handle, { first: pageSize, after });
    if (page.length === 0) return;
    yield* page;
    after = page.at(-1)!.id;
  }
}

export interface Replay {
  service: string;
  types: readonly string[] | "EVERY";
  from: Date;
  /** The service first takes back what it has made of everything since `from`. */
  afresh: boolean;
}

/** Lets `service` hear again what has been published since `from`. */
export async function replay(
  installation: Installation,
  { service, types, from, afresh }: Replay,
  say: Say,
): Promise<void> {
  const [[, handle]] = chosen(installation, service) as [[string, ServiceHandle]];
  const groups = await knownGroups(handle);
  if (types !== "EVERY") {
    const deaf = types.filter((type) => !groups.some(({ hears }) => hears(type)));
    const handled = groups.flatMap((group) => (group.types === "EVERY" ? ["everything"] : group.types));
    if (deaf.length > 0)
      throw new Refused(`${service} doesn't hear ${deaf.join(", ")}. It hears: ${handled.join(", ") || "nothing"}.`);
  }
  const since = new Date(from.getTime() - (afresh ? clocksDifferMs : 0));
  if (afresh) {
    const all = () => history(installation, types, since);
    const taken = await takeBack({ name: service, handle, groups }, from, all);
    say(`${service} has taken back what it made of ${taken} events since ${from.toISOString()}.`);
    say("They are put into its inbox again. If this ends before it says that they are, give the same command again.");
  }
  let count = 0;
  for await (const page of history(installation, types, since)) count += await replayInto(handle, groups, page);
  say(`${count} events since ${since.toISOString()} are in the inbox of ${service} again.`);
}

async function* history({ services, transport }: Installation, types: Chosen["types"], from: Date) {
  if (transport) return yield* transport.history({ types, from });
  for (const handle of services.values()) yield* publishedEvents(handle, { types, from });
}

function chosen({ services }: Installation, service: string | undefined): [string, ServiceHandle][] {
  if (service === undefined) return [...services];
  const handle = services.get(service);
  if (!handle) throw new Refused(`There is no service ${service}. There are: ${[...services.keys()].join(", ")}.`);
  return [[service, handle]];
}
