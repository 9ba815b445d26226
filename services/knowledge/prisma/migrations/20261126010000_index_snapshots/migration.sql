-- What an index held in memory was at a revision of its base. The file is the blob; a row says that there is one, or that
-- one is being written, and goes when something was deleted that the file may hold.
create table index_snapshot (
  blob_key text primary key,
  organization_id text not null,
  workspace_id text not null,
  knowledge_base_id text not null,
  revision bigint not null,
  created_at timestamptz(3) not null default current_timestamp,
  stored_at timestamptz(3),
  constraint index_snapshot_organization_id_knowledge_base_id_fkey foreign key (organization_id, knowledge_base_id)
    references knowledge_base (organization_id, id) on delete cascade on update cascade
);
create index index_snapshot_organization_id_knowledge_base_id_idx on index_snapshot (organization_id, knowledge_base_id);
alter table index_snapshot enable row level security;
alter table index_snapshot force row level security;
create policy workspace on index_snapshot
  using (organization_id = (select current_organization()) and workspace_id = (select current_workspace()))
  with check (organization_id = (select current_organization()) and workspace_id = (select current_workspace()));
-- At a start the service itself looks which indexes were kept last.
create policy service_select on index_snapshot for select using ((select is_service()));
