/**
 * The tables of this package, made in every service's database before the service's own migrations; to be given to
 * `migrate` and `testDatabase` as `base: [eventsBase]`. It needs the tenant functions of `@atrium/database`
 * (`current_organization()` and its siblings).
 *
 * `outbox_event`     what was announced and isn't published yet; empty most of the time
 * `published_event`  what was published, where the transport keeps no history of its own; for replay, pruned by age
 * `inbox_event`      what was received and isn't handled yet; empty most of the time
 * `inbox_receipt`    the ids of what was received, so that a repetition is recognized; pruned by age
 * `inbox_group`      what the service hears, for whoever replays
 * `dead_letter`      what could not be handled, until somebody retries or discards it
 */
export const eventsBase = [
  {
    name: "events_0001_outbox_and_inbox",
    sql: `
create table outbox_event (
  position bigint generated always as identity primary key,
  id uuid not null,
  type text not null,
  subject text not null,
  time timestamptz not null,
  organization_id text,
  workspace_id text,
  actor_id text,
  traceparent text,
  data json not null,
  size_bytes integer not null,
  check (organization_id is not null or workspace_id is null)
);

create table published_event (
  position bigint primary key,
  id uuid not null,
  type text not null,
  subject text not null,
  time timestamptz not null,
  organization_id text,
  workspace_id text,
  actor_id text,
  traceparent text,
  data json not null,
  size_bytes integer not null,
  published_at timestamptz not null default now()
);

create table inbox_receipt (
  consumer_group text not null,
  id uuid not null,
  received_at timestamptz not null default now(),
  primary key (consumer_group, id)
);
create index inbox_receipt_received_at on inbox_receipt using brin (received_at);

create table inbox_event (
  position bigint generated always as identity primary key,
  consumer_group text not null,
  id uuid not null,
  type text not null,
  subject text not null,
  time timestamptz not null,
  organization_id text,
  workspace_id text,
  actor_id text,
  traceparent text,
  data json not null,
  size_bytes integer not null,
  lane text not null generated always as (coalesce(organization_id, '') || ' ' || subject) stored,
  received_at timestamptz not null default now(),
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  last_error text
);
create index inbox_event_failing on inbox_event (consumer_group, lane) where attempts > 0;

create table dead_letter (
  id bigint generated always as identity primary key,
  consumer_group text not null,
  event_id uuid,
  type text,
  subject text,
  organization_id text,
  workspace_id text,
  payload json not null,
  reason text not null check (reason in ('FAILED', 'INVALID', 'UNKNOWN_TYPE', 'FOREIGN')),
  error text not null,
  attempts integer not null,
  parked_at timestamptz not null default now()
);
create index dead_letter_consumer_group on dead_letter (consumer_group, id);

-- Queues turn over their whole content all the time: vacuum by rows, not by a share of an empty table, and at once.
alter table outbox_event set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
alter table inbox_event set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);

-- A tenant may announce its own events, and see none: only the relay and the inbox, as the service, read these tables.
do $$
declare
  queue text;
begin
  foreach queue in array array['outbox_event', 'published_event', 'inbox_receipt', 'inbox_event', 'dead_letter'] loop
    execute format('alter table %I enable row level security', queue);
    execute format('alter table %I force row level security', queue);
    execute format(
      'create policy service_only on %I using ((select is_service())) with check ((select is_service()))', queue);
  end loop;
end $$;
create policy own_tenant_announces on outbox_event for insert with check (
  organization_id is not distinct from (select current_organization())
  and (workspace_id is null or (select current_workspace()) is null or workspace_id = (select current_workspace()))
  and actor_id is not distinct from (select current_user_id())
);

-- Takes events out of the inbox in the transaction of their effects, whichever tenant that is bound to; returns those
-- that were still there.
create function inbox_take(positions bigint[]) returns setof bigint language plpgsql volatile as $$
declare
  scope text := current_setting('app.scope', true);
begin
  perform set_config('app.scope', 'service', true);
  return query delete from inbox_event where position = any (positions) returning position;
  perform set_config('app.scope', coalesce(scope, ''), true);
end $$;
`,
  },
  {
    name: "events_0002_groups_beside_each_other",
    sql: `
-- A service may hear as several groups: the backlog of one is no longer in the way of another's reading.
alter table inbox_event drop constraint inbox_event_pkey, add primary key (consumer_group, position);

drop function inbox_take(bigint[]);
create function inbox_take(own_group text, positions bigint[]) returns setof bigint language plpgsql volatile as $$
declare
  scope text := current_setting('app.scope', true);
begin
  perform set_config('app.scope', 'service', true);
  return query
    delete from inbox_event where consumer_group = own_group and position = any (positions) returning position;
  perform set_config('app.scope', coalesce(scope, ''), true);
end $$;

-- Pruned by age, so most of it is never dead; what is shall not wait for a fifth of the table.
alter table inbox_receipt set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table published_event set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
`,
  },
  {
    name: "events_0003_forged",
    sql: `
alter table dead_letter drop constraint dead_letter_reason_check,
  add check (reason in ('FAILED', 'INVALID', 'UNKNOWN_TYPE', 'FOREIGN', 'FORGED'));
`,
  },
  {
    name: "events_0004_groups",
    sql: `
-- Which groups the service hears as, and which types each handles (null: everything), as of its last start.
create table inbox_group (
  name text primary key,
  types text[]
);
alter table inbox_group enable row level security, force row level security;
create policy service_only on inbox_group using ((select is_service())) with check ((select is_service()));
`,
  },
  {
    name: "events_0005_agents_and_origins",
    sql: `
-- What acted for the actor, and, sealed, where the request came from.
alter table outbox_event add agent_id text, add sealed_origin text;
alter table published_event add agent_id text, add sealed_origin text;
alter table inbox_event add agent_id text, add sealed_origin text;
`,
  },
] as const;
