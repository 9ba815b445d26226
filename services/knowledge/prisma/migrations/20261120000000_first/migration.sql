create table knowledge_base (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  name text not null,
  description text not null default '',
  split_method text not null,
  size_tokens integer not null,
  overlap_tokens integer not null,
  revision bigint not null default 0,
  created_by_id text,
  created_at timestamptz(3) not null default current_timestamp,
  updated_at timestamptz(3) not null default current_timestamp,
  deleted_at timestamptz(3),
  constraint knowledge_base_split_known check (split_method in ('FIXED', 'SENTENCE', 'HEADING'))
);
create unique index knowledge_base_organization_id_id_key on knowledge_base (organization_id, id);
create index knowledge_base_organization_id_workspace_id_id_idx on knowledge_base (organization_id, workspace_id, id);

create table upload (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  filename text not null,
  content_type text not null,
  size_bytes bigint not null,
  token_hash text not null,
  blob_key text,
  sha256 text,
  format text,
  created_by_id text,
  created_at timestamptz(3) not null default current_timestamp,
  expires_at timestamptz(3) not null,
  stored_at timestamptz(3),
  used_at timestamptz(3),
  constraint upload_stored_has_blob check ((stored_at is null) = (blob_key is null))
);
create unique index upload_token_hash_key on upload (token_hash);
create index upload_organization_id_workspace_id_idx on upload (organization_id, workspace_id);
create index upload_expires_at_idx on upload (expires_at);

create table document (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  knowledge_base_id text not null,
  title text not null,
  title_given boolean not null default false,
  filename text not null,
  content_type text not null,
  size_bytes bigint not null,
  sha256 text not null,
  blob_key text not null,
  format text,
  page_count integer,
  metadata jsonb not null default '{}',
  enabled boolean not null default true,
  state text not null,
  generation integer not null default 1,
  failure_code text,
  failure_message text,
  passage_count integer not null default 0,
  character_count integer not null default 0,
  revision bigint not null default 0,
  created_by_id text,
  created_at timestamptz(3) not null default current_timestamp,
  updated_at timestamptz(3) not null default current_timestamp,
  ingested_at timestamptz(3),
  constraint document_state_known check (state in ('QUEUED', 'INGESTING', 'INGESTED', 'FAILED')),
  constraint document_failed_says_why check ((state = 'FAILED') = (failure_code is not null)),
  constraint document_organization_id_knowledge_base_id_fkey foreign key (organization_id, knowledge_base_id)
    references knowledge_base (organization_id, id) on delete cascade on update cascade
);
create unique index document_organization_id_id_key on document (organization_id, id);
create index document_organization_id_knowledge_base_id_id_idx on document (organization_id, knowledge_base_id, id);
create index document_knowledge_base_id_revision_idx on document (knowledge_base_id, revision);

create table passage (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  knowledge_base_id text not null,
  document_id text not null,
  ordinal integer not null,
  text text not null,
  start_offset integer not null,
  end_offset integer not null,
  token_count integer not null,
  first_page integer,
  last_page integer,
  sheet text,
  heading_path text[],
  constraint passage_organization_id_document_id_fkey foreign key (organization_id, document_id)
    references document (organization_id, id) on delete cascade on update cascade
);
create unique index passage_document_id_ordinal_key on passage (document_id, ordinal);
create index passage_organization_id_document_id_idx on passage (organization_id, document_id);

create table document_removal (
  document_id text primary key,
  organization_id text not null,
  workspace_id text not null,
  knowledge_base_id text not null,
  revision bigint not null,
  constraint document_removal_organization_id_knowledge_base_id_fkey foreign key (organization_id, knowledge_base_id)
    references knowledge_base (organization_id, id) on delete cascade on update cascade
);
create index document_removal_organization_id_knowledge_base_id_revision_idx
  on document_removal (organization_id, knowledge_base_id, revision);

-- Everything belongs to one workspace. An upload's address is known before anybody is: the service itself finds the
-- upload by the hash of its token, and prunes what was never used.
do $$
declare name text;
begin
  foreach name in array array['knowledge_base', 'upload', 'document', 'passage', 'document_removal'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format(
      'create policy workspace on %I
         using (organization_id = (select current_organization()) and workspace_id = (select current_workspace()))
         with check (organization_id = (select current_organization()) and workspace_id = (select current_workspace()))',
      name);
  end loop;
end $$;
create policy service_select on upload for select using ((select is_service()));
create policy service_delete on upload for delete using ((select is_service()));
