create table consent_purpose (
  organization_id text not null,
  key text not null,
  version integer not null,
  legal_basis text not null,
  text text not null,
  defined_by_id text not null,
  defined_at timestamptz(3) not null,
  primary key (organization_id, key, version)
);
create index consent_purpose_defined_by_id_idx on consent_purpose (defined_by_id);

create table consent (
  organization_id text not null,
  user_id text not null,
  purpose text not null,
  purpose_version integer not null,
  given boolean not null,
  method text not null,
  recorded_at timestamptz(3) not null,
  primary key (organization_id, user_id, purpose)
);
create index consent_user_id_idx on consent (user_id);

create table consent_record (
  id text primary key,
  position bigserial not null,
  organization_id text not null,
  user_id text not null,
  purpose text not null,
  purpose_version integer not null,
  given boolean not null,
  method text not null,
  user_agent text,
  address text,
  recorded_at timestamptz(3) not null
);
create index consent_record_organization_id_user_id_position_idx on consent_record (organization_id, user_id, position);
create index consent_record_user_id_id_idx on consent_record (user_id, id);

create table data_export (
  id text primary key,
  user_id text not null,
  format text not null check (format in ('ZIP', 'JSON')),
  categories text[],
  status text not null check (status in ('COLLECTING', 'ASSEMBLING', 'READY', 'EXPIRED', 'FAILED')),
  wrapped_key bytea,
  requested_at timestamptz(3) not null,
  completed_at timestamptz(3),
  available_until timestamptz(3),
  size_bytes bigint,
  sha256 text
);
create index data_export_user_id_id_idx on data_export (user_id, id);
create index data_export_status_idx on data_export (status);
-- One at a time.
create unique index data_export_under_way on data_export (user_id) where status in ('COLLECTING', 'ASSEMBLING');

create table data_export_part (
  export_id text not null references data_export (id) on delete cascade,
  service text not null,
  user_id text not null,
  status text not null check (status in ('WAITING', 'ARRIVED', 'MISSING')),
  attempt integer not null,
  asked_at timestamptz(3) not null,
  answered_at timestamptz(3),
  nouns jsonb not null default '[]',
  primary key (export_id, service)
);
create index data_export_part_status_asked_at_idx on data_export_part (status, asked_at);

create table erasure (
  id text primary key,
  user_id text not null,
  status text not null check (status in ('SCHEDULED', 'CANCELLED', 'DUE', 'COMPLETED')),
  reason text,
  token_hash bytea not null check (octet_length(token_hash) = 32),
  requested_at timestamptz(3) not null,
  due_at timestamptz(3) not null,
  ended_at timestamptz(3)
);
create unique index erasure_token_hash_key on erasure (token_hash);
create index erasure_user_id_id_idx on erasure (user_id, id);
create index erasure_status_due_at_idx on erasure (status, due_at);
create unique index erasure_open on erasure (user_id) where status in ('SCHEDULED', 'DUE');

create table erasure_part (
  erasure_id text not null references erasure (id) on delete cascade,
  service text not null,
  user_id text not null,
  status text not null check (status in ('PLANNED', 'WAITING', 'ERASED', 'MISSING')),
  attempt integer not null,
  asked_at timestamptz(3),
  answered_at timestamptz(3),
  nouns jsonb not null default '[]',
  primary key (erasure_id, service)
);
create index erasure_part_status_asked_at_idx on erasure_part (status, asked_at);

create table erasure_code (
  user_id text primary key,
  code_hash bytea not null,
  tries_left integer not null check (tries_left >= 0),
  expires_at timestamptz(3) not null
);

create table audit_chain (
  chain text primary key,
  number bigint not null,
  hash bytea not null,
  mac bytea not null,
  first_number bigint not null default 1,
  recorded_at timestamptz(3) not null
);

create table audit_entry (
  chain text not null,
  number bigint not null,
  recorded_at timestamptz(3) not null,
  event_id uuid not null,
  occurred_at timestamptz(3) not null,
  action text not null,
  subject text not null,
  actor_id text,
  workspace_id text,
  outcome text not null,
  trace_id text,
  data_hash bytea not null,
  previous_hash bytea not null,
  hash bytea not null,
  primary key (chain, number, recorded_at)
) partition by range (recorded_at);
create index audit_entry_actor_id_chain_number_idx on audit_entry (actor_id, chain, number);
create index audit_entry_chain_subject_number_idx on audit_entry (chain, subject, number);
create index audit_entry_chain_action_number_idx on audit_entry (chain, action, number);
create index audit_entry_event_id_idx on audit_entry (event_id);

create table audit_checkpoint (
  chain text not null,
  day date not null,
  number bigint not null,
  hash bytea not null,
  key_id text not null,
  signature bytea not null,
  signed_at timestamptz(3) not null,
  primary key (chain, day)
);

-- What Prisma's schema can't say.

-- Takes rights on a table from everybody but its owner. The service's role has got them by default.
create function audit_revoke(relation regclass, rights text) returns void language plpgsql as $$
declare grantee text;
begin
  for grantee in
    select distinct g.grantee::regrole::text from pg_class c, aclexplode(c.relacl) g
     where c.oid = relation and g.grantee not in (0, c.relowner)
  loop
    execute format('revoke %s on %s from %s', rights, relation, grantee);
  end loop;
end $$;

-- Entries and checkpoints are added and read. Not even the service changes or removes one.
select audit_revoke('audit_entry', 'update, delete, truncate, references, trigger');
select audit_revoke('audit_checkpoint', 'update, delete, truncate, references, trigger');

-- Makes the partition of a month where it is missing. The service's role may make no tables, so the owner does, by
-- this; nobody but the owner has rights on a partition: all go by way of audit_entry.
create function audit_make_partition(month date) returns void language plpgsql security definer
  set search_path = pg_catalog, public, pg_temp as $$
declare
  first date := date_trunc('month', month);
  name text := 'audit_entry_' || to_char(first, 'YYYY_MM');
begin
  if first not between date '2000-01-01' and date '2199-12-01' then
    raise exception 'There is no audit of %.', month;
  end if;
  if to_regclass('public.' || name) is not null then return; end if;
  perform pg_advisory_xact_lock(727073691);
  if to_regclass('public.' || name) is not null then return; end if;
  execute format('create table public.%I partition of public.audit_entry for values from (%L) to (%L)',
    name, first::text || ' 00:00:00+00', (first + interval '1 month')::date::text || ' 00:00:00+00');
  execute format('alter table public.%I enable row level security, force row level security', name);
  perform public.audit_revoke(format('public.%I', name)::regclass, 'all');
end $$;

-- Removes the months that lie more than seven years back. No caller can make them fewer.
create function audit_drop_old_partitions() returns setof text language plpgsql security definer
  set search_path = pg_catalog, public, pg_temp as $$
declare
  partition record;
begin
  for partition in
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'public.audit_entry'::regclass
       and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' < now() - interval '7 years'
     order by 1
  loop
    execute format('drop table public.%I', partition.name);
    return next partition.name;
  end loop;
end $$;

-- Who sees which row. What a person agreed to, exports and erasures are theirs alone; the service acts on them when
-- their time has come, and for whoever holds a token. Purposes and the audit trail belong to the organization.
do $$
declare name text;
begin
  foreach name in array array['consent_purpose', 'consent', 'consent_record', 'data_export', 'data_export_part', 'erasure',
                              'erasure_part', 'erasure_code', 'audit_chain', 'audit_entry', 'audit_checkpoint'] loop
    execute format('alter table %I enable row level security, force row level security', name);
  end loop;
  foreach name in array array['consent', 'consent_record'] loop
    execute format(
      'create policy own on %I
         using (organization_id = (select current_organization()) and user_id = (select current_user_id()))
         with check (organization_id = (select current_organization()) and user_id = (select current_user_id()))', name);
    execute format('create policy service on %I for select using ((select is_service()))', name);
    execute format(
      'create policy person_delete on %I for delete
         using ((select is_service()) and user_id = (select current_user_id()))', name);
  end loop;
  foreach name in array array['data_export', 'data_export_part', 'erasure', 'erasure_part', 'erasure_code'] loop
    execute format(
      'create policy own on %I
         using (user_id = (select current_user_id()) or (select is_service()))
         with check (user_id = (select current_user_id()) or (select is_service()))', name);
  end loop;
  foreach name in array array['audit_entry', 'audit_checkpoint', 'audit_chain'] loop
    execute format(
      'create policy inside on %I for select
         using (chain = (select current_organization()) or (select is_service()))', name);
    execute format('create policy service on %I for insert with check ((select is_service()))', name);
  end loop;
end $$;
create policy service_update on audit_chain for update using ((select is_service())) with check ((select is_service()));
create policy inside on consent_purpose
  using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy service on consent_purpose for select using ((select is_service()));
create policy person_update on consent_purpose for update
  using ((select is_service()) and defined_by_id = (select current_user_id()))
  with check ((select is_service()) and defined_by_id = 'erased');
