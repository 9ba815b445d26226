create table organization (
  id text primary key,
  name text not null,
  founded_for_user_id text,
  created_at timestamptz(3) not null default current_timestamp,
  updated_at timestamptz(3) not null default current_timestamp
);
create unique index organization_founded_for_user_id_key on organization (founded_for_user_id);

create table organization_member (
  id text primary key,
  organization_id text not null,
  user_id text not null,
  role text not null,
  created_at timestamptz(3) not null default current_timestamp,
  constraint organization_member_organization_id_fkey foreign key (organization_id)
    references organization (id) on delete cascade on update cascade
);
create unique index organization_member_organization_id_user_id_key on organization_member (organization_id, user_id);
create index organization_member_user_id_created_at_idx on organization_member (user_id, created_at);

create table workspace (
  id text primary key,
  organization_id text not null,
  name text not null,
  created_at timestamptz(3) not null default current_timestamp,
  updated_at timestamptz(3) not null default current_timestamp,
  constraint workspace_organization_id_fkey foreign key (organization_id)
    references organization (id) on delete cascade on update cascade
);
create unique index workspace_organization_id_id_key on workspace (organization_id, id);

create table workspace_member (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  user_id text not null,
  role text not null,
  created_at timestamptz(3) not null default current_timestamp,
  constraint workspace_member_organization_id_workspace_id_fkey foreign key (organization_id, workspace_id)
    references workspace (organization_id, id) on delete cascade on update cascade,
  constraint workspace_member_organization_id_user_id_fkey foreign key (organization_id, user_id)
    references organization_member (organization_id, user_id) on delete cascade on update cascade
);
create unique index workspace_member_workspace_id_user_id_key on workspace_member (workspace_id, user_id);
create index workspace_member_user_id_idx on workspace_member (user_id);
create index workspace_member_organization_id_workspace_id_idx on workspace_member (organization_id, workspace_id);
create index workspace_member_organization_id_user_id_idx on workspace_member (organization_id, user_id);

create table invitation (
  id text primary key,
  organization_id text not null,
  email text,
  user_id text,
  organization_role text not null,
  workspace_roles jsonb not null,
  token_hash text not null,
  status text not null,
  invited_by_id text not null,
  created_at timestamptz(3) not null default current_timestamp,
  expires_at timestamptz(3) not null,
  decided_at timestamptz(3),
  constraint invitation_organization_id_fkey foreign key (organization_id)
    references organization (id) on delete cascade on update cascade
);
create unique index invitation_token_hash_key on invitation (token_hash);
create index invitation_organization_id_created_at_idx on invitation (organization_id, created_at);

create table project (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  name text not null,
  description text not null default '',
  created_by_id text not null,
  created_at timestamptz(3) not null default current_timestamp,
  updated_at timestamptz(3) not null default current_timestamp,
  archived_at timestamptz(3),
  constraint project_organization_id_workspace_id_fkey foreign key (organization_id, workspace_id)
    references workspace (organization_id, id) on delete cascade on update cascade
);
create unique index project_organization_id_id_key on project (organization_id, id);
create index project_organization_id_workspace_id_id_idx on project (organization_id, workspace_id, id);

-- What Prisma's schema can't say.

alter table organization add constraint organization_name_length check (char_length(name) between 1 and 200);
alter table organization_member add constraint organization_member_role_known
  check (role in ('owner', 'admin', 'member', 'guest'));
alter table workspace add constraint workspace_name_length check (char_length(name) between 1 and 200);
alter table workspace_member add constraint workspace_member_role_known
  check (role in ('admin', 'editor', 'viewer', 'approver', 'requester', 'project_manager', 'foreman', 'apprentice'));
alter table invitation add constraint invitation_status_known
  check (status in ('PENDING', 'ACCEPTED', 'DECLINED', 'REVOKED', 'EXPIRED'));
alter table invitation add constraint invitation_names_somebody check (num_nonnulls(email, user_id) = 1);
-- One open invitation a person and organization: inviting twice at once makes one.
create unique index invitation_open_email on invitation (organization_id, email) where status = 'PENDING';
create unique index invitation_open_user on invitation (organization_id, user_id) where status = 'PENDING';

-- Who sees which row. A person sees their own memberships, and so the organizations that they may enter, wherever they
-- stand; everything else is seen from inside the organization. The service itself answers for memberships (which rights
-- has this user there?), founds organizations on events and finds invitations by the hash of their token.
do $$
declare name text;
begin
  foreach name in array array['organization', 'organization_member', 'workspace', 'workspace_member', 'invitation', 'project'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
  end loop;
end $$;

create policy inside on organization
  using (id = (select current_organization())) with check (id = (select current_organization()));
create policy own on organization for select
  using (exists (select from organization_member m where m.organization_id = organization.id and m.user_id = (select current_user_id())));

create policy inside on organization_member
  using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy own on organization_member for select using (user_id = (select current_user_id()));
create policy service on organization_member for select using ((select is_service()));

create policy inside on workspace
  using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy service on workspace for select using ((select is_service()));
create policy own on workspace for select
  using (exists (select from workspace_member m where m.workspace_id = workspace.id and m.user_id = (select current_user_id())));

create policy inside on workspace_member
  using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy own on workspace_member for select using (user_id = (select current_user_id()));
create policy service on workspace_member for select using ((select is_service()));

create policy inside on invitation
  using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy service on invitation for select using ((select is_service()));

create policy inside on project
  using (organization_id = (select current_organization()) and workspace_id = (select current_workspace()))
  with check (organization_id = (select current_organization()) and workspace_id = (select current_workspace()));
