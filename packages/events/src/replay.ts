import type { EventTransaction } from "./handle";
import { eventColumns, toEnvelope, type EventRow } from "./row";
import type { Envelope } from "./envelope";
import { receive, type InboxGroup } from "./inbox";
import { serviceOfGroup, wakeChannel } from "./wake";

const pageSize = 500;

/**
 * What this service has published since `from`, as it was published, oldest first, in pages. It reaches as far back as
 * published events are kept, or to the `newest`. For a consumer's `receiveAgain`, in the embedded shape; a broker has its own history.
 */
export async function* publishedEvents(
  service: EventTransaction,
  { types, from, newest }: { types: readonly string[] | "EVERY"; from: Date; newest?: number },
): AsyncGenerator<Envelope[]> {
  let after: EventRow["position"] = newest === undefined ? 0 : await beforeNewest(service, newest);
  for (;;) {
    const rows: EventRow[] = await service.sql<EventRow>(
      `select position, ${eventColumns} from published_event
       where position > $1 and ($2::text[] is null or type = any ($2)) and time >= $3 order by position limit ${pageSize}`,
      [after, types === "EVERY" ? null : types, from],
    );
    if (rows.length === 0) return;
    yield rows.map(toEnvelope);
    after = rows.at(-1)!.position;
  }
}

async function beforeNewest(service: EventTransaction, count: number): Promise<EventRow["position"]> {
  const [row] = await service.sql<{ position: number }>(
    "select greatest(coalesce(max(position), 0) - $1, 0) as position from published_event",
    [count],
  );
  return row!.position;
}

/**
 * Puts events into a service's inbox again, as if they came for the first time: those that it hears. Returns how many.
 * For a process that isn't the service's; `service` is a handle on its database.
 */
export async function replayInto(
  service: EventTransaction,
  groups: readonly InboxGroup[],
  envelopes: readonly Envelope[],
): Promise<number> {
  const heard = envelopes.filter(({ type }) => groups.some(({ hears }) => hears(type)));
  if (heard.length === 0) return 0;
  await receive(service, groups, heard, { again: true });
  for (const owner of new Set(groups.map(({ name }) => serviceOfGroup(name))))
    await service.sql("select pg_notify($1, '')", [wakeChannel(owner)]);
  return heard.length;
}
