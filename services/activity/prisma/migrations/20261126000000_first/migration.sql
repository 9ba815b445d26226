create table activity (
  id uuid primary key,
  organization_id text,
  workspace_id text,
  kind text not null,
  subject_type text not null,
  subject_id text not null,
  actor_id text,
  person_id text,
  happened_at timestamptz(3) not null
);
create index activity_organization_id_workspace_id_subject_type_id_idx
  on activity (organization_id, workspace_id, subject_type, id);
create index activity_organization_id_subject_id_id_idx on activity (organization_id, subject_id, id);
create index activity_organization_id_actor_id_subject_type_id_idx
  on activity (organization_id, actor_id, subject_type, id);
create index activity_person_id_subject_type_id_idx on activity (person_id, subject_type, id);

create table recent_document (
  document_id text primary key,
  organization_id text not null,
  workspace_id text not null,
  knowledge_base_id text not null,
  event_id uuid not null,
  changed_at timestamptz(3) not null
);
create index recent_document_organization_id_workspace_id_event_id_idx
  on recent_document (organization_id, workspace_id, event_id);
create index recent_document_organization_id_knowledge_base_id_idx
  on recent_document (organization_id, knowledge_base_id);

create table counted_event (
  id uuid primary key,
  happened_at timestamptz(3) not null
);
create index counted_event_happened_at_idx on counted_event using brin (happened_at);

create table counted_since (
  id integer primary key check (id = 1),
  since timestamptz(3) not null
);

create table counter (
  organization_id text not null,
  workspace_id text not null,
  grain text not null check (grain in ('MINUTE', 'QUARTER', 'DAY', 'TOTAL')),
  at timestamptz(3) not null,
  metric text not null,
  object_id text not null,
  label text not null,
  value bigint not null,
  primary key (organization_id, workspace_id, grain, at, metric, object_id, label)
);
create index counter_grain_at_idx on counter (grain, at);

create table presence (
  organization_id text not null,
  workspace_id text not null,
  at timestamptz(3) not null,
  user_id text not null,
  primary key (organization_id, workspace_id, at, user_id)
);
create index presence_at_idx on presence (at);
create index presence_user_id_idx on presence (user_id);

create table rated_message (
  message_id text primary key,
  organization_id text not null,
  workspace_id text not null,
  rating text not null,
  event_id uuid not null,
  rated_at timestamptz(3) not null
);
create index rated_message_organization_id_workspace_id_rated_at_idx
  on rated_message (organization_id, workspace_id, rated_at);
create index rated_message_rated_at_idx on rated_message (rated_at);

create table closed_workspace (
  organization_id text not null,
  workspace_id text not null,
  primary key (organization_id, workspace_id)
);

create table analytics_consent (
  organization_id text not null,
  user_id text not null,
  given boolean not null,
  purpose_version integer not null,
  event_id uuid not null,
  primary key (organization_id, user_id)
);
create index analytics_consent_user_id_idx on analytics_consent (user_id);

create table analytics_purpose (
  organization_id text primary key,
  version integer not null
);

create table interaction_batch (
  organization_id text not null,
  workspace_id text not null,
  id text not null,
  user_id text not null,
  recorded_at timestamptz(3) not null,
  interactions jsonb not null,
  primary key (organization_id, id)
);
create index interaction_batch_organization_id_user_id_idx on interaction_batch (organization_id, user_id);
create index interaction_batch_recorded_at_idx on interaction_batch (recorded_at);

create table interaction_receipt (
  organization_id text not null,
  batch_id text not null,
  recorded_at timestamptz(3) not null,
  primary key (organization_id, batch_id)
);
create index interaction_receipt_recorded_at_idx on interaction_receipt (recorded_at);

-- What Prisma's schema can't say.

-- A counter's row is updated in place, so its page keeps room for that; and what turns over is vacuumed by rows.
alter table counter set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- Who sees which row. What is made of events is written by the service alone, of all tenants together.
do $$
declare name text;
begin
  foreach name in array array['activity', 'recent_document', 'counted_event', 'counted_since', 'counter', 'presence',
                              'rated_message', 'closed_workspace', 'analytics_consent', 'analytics_purpose',
                              'interaction_batch', 'interaction_receipt'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format(
      'create policy service on %I using ((select is_service())) with check ((select is_service()))', name);
  end loop;
  -- A handle in a workspace sees that one; one in none sees its organization. Who may stand where, the policy says.
  foreach name in array array['recent_document', 'counter', 'presence', 'rated_message'] loop
    execute format(
      'create policy inside on %I for select
         using (organization_id = (select current_organization())
           and ((select current_workspace()) is null or workspace_id = (select current_workspace())))', name);
  end loop;
end $$;

create policy inside on activity for select
  using (organization_id = (select current_organization())
    and (workspace_id is null or workspace_id = (select current_workspace())));
-- What concerns an account is its person's alone.
create policy own on activity for select
  using (organization_id is null and person_id = (select current_user_id()));

-- The detail of what somebody did is theirs to read; it is collected by the service, which asks for their consent first.
create policy own on interaction_batch for select
  using (organization_id = (select current_organization()) and user_id = (select current_user_id()));
