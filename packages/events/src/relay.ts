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
  const floor = settledFloor(connection);
  let sweptAt = -Infinity;

  const read = {
    name: "outbox_read",
    text: boundedByBytes(`position, ${eventColumns}`, "outbox_event where position > $1", limit, batchBytesMax),
  };
  const remove = { name: "outbox_remove", text: transport.keepsHistory ? deleteSql : moveSql };

  const work = async () => {
    for (;;) {
      const sweep = performance.now() - sweptAt > sweepMs ? await floor.sweep() : undefined;
      const { rows } = await connection.query<EventRow>({ ...read, values: [sweep ? 0 : floor.position] });
      await publish(rows);
      // One that hasn't seen the end is gone on with in the next round.
      if (sweep?.(rows)) sweptAt = performance.now();
      if (rows.length < fewRows) return;
    }
  };

  const publish = async (rows: EventRow[]) => {
    const own = rows.filter(({ type }) => serviceOf(type) === service);
    if (own.length < rows.length) await parkForeign(connection, service, rows);
    if (own.length === 0) return;
    await transport.publish(own.map(toEnvelope));
    await connection.query({ ...remove, values: [own.map(({ position }) => position)] });
    floor.published(own.at(-1)!.position);
    onPublished(own.length);
  };
  return startLoop({ name: `The relay of ${service}`, work, pollMs, log });
}

const deleteSql = "delete from outbox_event where position = any ($1::bigint[])";
const moveSql = `
  with gone as (delete from outbox_event where position = any ($1::bigint[]) returning position, ${eventColumns})
  insert into published_event (position, ${eventColumns}) select * from gone on conflict (position) do nothing`;

/**
 * The position up to which everything has been published. Reading from there spares the index entries of deleted rows,
 * which pile up while some old transaction keeps vacuum from removing them.
 *
 * Age alone says nothing about it: the row of a transaction that was slow to commit would be passed over, and what the
 * next one appended about the same subject published before it. So the floor rises to what had been published at some
 * time, when all transactions that ran at that time have ended and everything they left visible has been published too.
 */
function settledFloor(connection: LeaderConnection) {
  let settled = 0;
  let published = 0;
  let next = { position: 0, startedBefore: 0n };
  return {
    get position() {
      return settled;
    },
    published(position: EventRow["position"]) {
      published = Math.max(published, Number(position));
    },
    /** Before everything visible is read. To be told what was read once that is published; says whether it was everything. */
    async sweep(): Promise<(rows: readonly EventRow[]) => boolean> {
      const { rows } = await connection.query<{ running: string; coming: string }>({
        name: "horizon",
        text: horizonSql,
      });
      const [{ running, coming }] = rows as [(typeof rows)[0]];
      const position = published;
      return (swept) => {
        if (swept.length >= fewRows && Number(swept.at(-1)!.position) <= next.position) return false;
        if (BigInt(running) >= next.startedBefore) {
          settled = next.position;
          next = { position, startedBefore: BigInt(coming) };
        }
        return true;
      };
    },
  };
}

// The oldest transaction that runs, and the one after the last that has ended. The latter is above all that had taken a
// position by the time something was published: what removed it from the outbox began after them, and has ended.
const horizonSql = `
  select pg_snapshot_xmin(now)::text as running, pg_snapshot_xmax(now)::text as coming from pg_current_snapshot() as now`;

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
