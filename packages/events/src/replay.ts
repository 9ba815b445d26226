import type { EventTransaction } from "./handle";
import { eventColumns, toEnvelope, type EventRow } from "./row";
import type { Envelope } from "./envelope";

const pageSize = 500;

/**
 * What this service has published since `from`, as it was published, oldest first, in pages. It reaches as far back as
 * published events are kept. For a consumer's `receiveAgain`, in the embedded shape; a broker has its own history.
 */
export async function* publishedEvents(
  service: EventTransaction,
  { types, from }: { types: readonly string[]; from: Date },
): AsyncGenerator<Envelope[]> {
  for (let after: EventRow["position"] = 0; ;) {
    const rows: EventRow[] = await service.sql<EventRow>(
      `select position, ${eventColumns} from published_event
       where position > $1 and type = any ($2::text[]) and time >= $3 order by position limit ${pageSize}`,
      [after, types, from],
    );
    if (rows.length === 0) return;
    yield rows.map(toEnvelope);
    after = rows.at(-1)!.position;
  }
}
