import { serviceOf } from "./envelope";
import type { LeaderConnection } from "./leadership";
import type { EventLog } from "./log";
import { startLoop, type Loop } from "./loop";
import { boundedByBytes, eventColumns, toEnvelope, type EventRow } from "./row";
import type { EventTransport } from "./transport";

const batchSize = 500;
// A broker stores more at once for nearly the same price; inboxes are written to row by row.
const batchSizeToBroker = 2_000;
const batchBytesMax = 8_000_000;
const pollMs = 2_000;
// So few can't be all that fit into a batch. What came meanwhile has woken the loop again.
const fewRows = 8;
// Rows of transactions that took this long to commit are found by the sweep, younger ones at once.
const settledMs = 10_000;
const sweepMs = 5_000;

/**
 * Publishes what a service has appended, and then takes it out of the outbox.
 *
 * It claims whatever is visible, lowest position first. A position says nothing about when its transaction commits, so
 * «higher than the last one published» would lose the rows of a slow transaction; and holding everything back until
 * the slow one has ended can turn one subject's order round. What is visible of one subject is always its oldest,
 * because whoever appends holds the subject's row lock until the commit.
 *
 * A crash between publishing and deleting publishes twice; inboxes know an event by its id.
 */
export function startRelay({
  service,
  connection,
  transport,
  onPublished,
  log,
}: {
  service: string;
  connection: LeaderConnection;
  transport: EventTransport;
  onPublished(count: number): void;
  log: EventLog;
}): Loop {
  const limit = transport.keepsHistory ? batchSizeToBroker : batchSize;
  const floor = settledFloor();
  let sweptAt = 0;

  const read = {
    name: "outbox_read",
    text: boundedByBytes(`position, ${eventColumns}`, "outbox_event where position > $1", limit, batchBytesMax),
  };
  const remove = { name: "outbox_remove", text: transport.keepsHistory ? deleteSql : moveSql };

  const claim = async (): Promise<EventRow[]> => {
    const sweep = Date.now() - sweptAt > sweepMs;
    const { rows } = await connection.query<EventRow>({ ...read, values: [sweep ? 0 : floor.position] });
    // A sweep that found a full batch hasn't seen the end; the next round sweeps on.
    if (sweep && rows.length < limit) sweptAt = Date.now();
    return rows;
  };

  const work = async () => {
    for (;;) {
      const rows = await claim();
      if (rows.length === 0) return;
      const own = rows.filter(({ type }) => serviceOf(type) === service);
      if (own.length < rows.length) await parkForeign(connection, service, rows);
      if (own.length === 0) continue;
      await transport.publish(own.map(toEnvelope));
      await connection.query({ ...remove, values: [own.map(({ position }) => position)] });
      floor.published(own.at(-1)!.position);
      onPublished(own.length);
      if (rows.length < fewRows) return;
    }
  };
  return startLoop({ name: `The relay of ${service}`, work, pollMs, log });
}

const deleteSql = "delete from outbox_event where position = any ($1::bigint[])";
const moveSql = `
  with gone as (delete from outbox_event where position = any ($1::bigint[]) returning position, ${eventColumns})
  insert into published_event (position, ${eventColumns}) select * from gone on conflict (position) do nothing`;

/**
 * The position under which everything has been published for a while. Reading from there spares the index entries of
 * deleted rows, which pile up while some old transaction keeps vacuum from removing them.
 */
function settledFloor() {
  let settled: EventRow["position"] = 0;
  let candidate: { position: EventRow["position"]; since: number } = { position: 0, since: Date.now() };
  return {
    get position() {
      return settled;
    },
    published(position: EventRow["position"]) {
      if (Date.now() - candidate.since < settledMs) return;
      settled = candidate.position;
      candidate = { position, since: Date.now() };
    },
  };
}

/** Nobody may announce in another service's name: such rows are kept for a person to look at, and go nowhere. */
async function parkForeign(connection: LeaderConnection, service: string, rows: EventRow[]) {
  const foreign = rows.filter(({ type }) => serviceOf(type) !== service).map(({ position }) => position);
  await connection.query({
    text: `
      with gone as (delete from outbox_event where position = any ($1::bigint[]) returning *)
      insert into dead_letter
        (consumer_group, event_id, type, subject, organization_id, workspace_id, payload, reason, error, attempts)
      select 'outbox', id, type, subject, organization_id, workspace_id, to_json(gone), 'FOREIGN',
        $2 || ' may not announce ' || type, 0
      from gone`,
    values: [foreign, service],
  });
}
