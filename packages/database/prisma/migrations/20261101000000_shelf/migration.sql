create table shelf (
  organization_id text not null,
  workspace_id text not null,
  id text not null,
  name text not null,
  created_at timestamptz(3) not null default current_timestamp,
  constraint shelf_pkey primary key (id)
);
create unique index shelf_organization_id_id_key on shelf (organization_id, id);
create unique index shelf_organization_id_workspace_id_name_key on shelf (organization_id, workspace_id, name);
create index shelf_organization_id_workspace_id_created_at_idx on shelf (organization_id, workspace_id, created_at);

create table book (
  organization_id text not null,
  workspace_id text not null,
  id text not null,
  shelf_id text not null,
  title text not null,
  page_count bigint not null,
  constraint book_pkey primary key (id),
  constraint book_organization_id_shelf_id_fkey foreign key (organization_id, shelf_id)
    references shelf (organization_id, id) on delete cascade on update cascade
);
create index book_organization_id_shelf_id_idx on book (organization_id, shelf_id);

create table errand (
  id text not null,
  note text not null,
  constraint errand_pkey primary key (id)
);

alter table shelf enable row level security, force row level security;
create policy shelf_of_workspace on shelf
  using (organization_id = (select current_organization()) and workspace_id = (select current_workspace()))
  with check (organization_id = (select current_organization()) and workspace_id = (select current_workspace()));

alter table book enable row level security, force row level security;
create policy book_of_workspace on book
  using (organization_id = (select current_organization()) and workspace_id = (select current_workspace()))
  with check (organization_id = (select current_organization()) and workspace_id = (select current_workspace()));

alter table errand enable row level security, force row level security;
create policy errand_of_service on errand using ((select is_service())) with check ((select is_service()));
