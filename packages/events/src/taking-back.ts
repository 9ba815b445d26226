import type { EventTransaction } from "./handle";

// A service whose rows are made of events alone can take them back, to make them again by a replay. Its database says
// so by two functions, which whoever replays calls as the service:
//
// `recorded_events(since timestamptz, after uuid, page integer)` returns `id` and `happened_at` of the events since then
//   of which it made something, in order of their ids;
// `take_back_events(since timestamptz)` takes back what they made, in the caller's transaction.
//
// Both raise `invalid_parameter_value`, with a sentence, where that can't be done from that time on.

const firstId = "00000000-0000-0000-0000-000000000000";
const pageSize = 20_000;

/** The time, or the service, isn't one from which on something can be taken back; the message says why. */
export class CantTakeBack extends Error {
  override readonly name = "CantTakeBack";
}

/** Of which events since then the service has made what it would take back: when each happened, by id. */
export async function recordedEvents(service: EventTransaction, since: Date): Promise<Map<string, Date>> {
  const [{ able }] = (await service.sql<{ able: boolean }>(
    "select to_regprocedure('take_back_events(timestamptz)') is not null as able",
  )) as [{ able: boolean }];
  if (!able) throw new CantTakeBack("It can't take back what it has made of events.");
  const recorded = new Map<string, Date>();
  for (let after = firstId; ;) {
    const rows = await explained(
      service.sql<{ id: string; happened_at: Date }>("select id, happened_at from recorded_events($1, $2, $3)", [
        ...[since, after, pageSize],
      ]),
    );
    for (const { id, happened_at } of rows) recorded.set(id, happened_at);
    if (rows.length < pageSize) return recorded;
    after = rows.at(-1)!.id;
  }
}

/** Takes it back, whole or not at all. */
export const takeBackEvents = async (service: EventTransaction, since: Date): Promise<void> =>
  void (await explained(service.sql("select take_back_events($1)", [since])));

async function explained<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    // Class 22, invalid_parameter_value.
    if ((error as { code?: unknown }).code !== "22023") throw error;
    throw new CantTakeBack((error as Error).message, { cause: error });
  }
}
