create type user_kind as enum ('USER', 'GUEST');
create type sign_in_method_kind as enum ('EMAIL');
create type session_end_cause as enum ('SIGNED_OUT', 'REVOKED', 'TOKEN_REUSED', 'PASSWORD_CHANGED');

create table user_account (
  id text primary key,
  kind user_kind not null,
  name text not null check (char_length(name) between 1 and 200),
  organization_id text,
  workspace_id text check (workspace_id is null or organization_id is not null),
  created_at timestamptz(3) not null
);

create table sign_in_method (
  id text primary key,
  user_id text not null references user_account (id) on delete cascade,
  kind sign_in_method_kind not null,
  identifier text not null,
  identifier_key text not null,
  password_hash text check ((kind = 'EMAIL') = (password_hash is not null)),
  password_changed_at timestamptz(3),
  created_at timestamptz(3) not null,
  last_used_at timestamptz(3)
);
create unique index sign_in_method_kind_identifier_key_key on sign_in_method (kind, identifier_key);
create index sign_in_method_user_id_idx on sign_in_method (user_id);

create table session (
  id text primary key,
  user_id text not null references user_account (id) on delete cascade,
  organization_id text,
  workspace_id text check (workspace_id is null or organization_id is not null),
  device text,
  created_at timestamptz(3) not null,
  last_used_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  ended_at timestamptz(3),
  end_cause session_end_cause,
  check ((ended_at is null) = (end_cause is null))
);
create index session_user_id_created_at_id_idx on session (user_id, created_at, id);
create index session_expires_at_idx on session (expires_at);

create table refresh_token (
  id text primary key,
  session_id text not null references session (id) on delete cascade,
  user_id text not null,
  hash bytea not null check (octet_length(hash) = 32),
  created_at timestamptz(3) not null,
  replaced_at timestamptz(3),
  successor_id text,
  check ((replaced_at is null) = (successor_id is null))
);
create unique index refresh_token_hash_key on refresh_token (hash);
create index refresh_token_session_id_idx on refresh_token (session_id);

create table api_key (
  id text primary key,
  user_id text not null references user_account (id) on delete cascade,
  organization_id text not null,
  workspace_id text,
  name text not null check (char_length(name) between 1 and 200),
  hash bytea not null check (octet_length(hash) = 32),
  hint text not null,
  permissions text[] not null,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3),
  last_used_at timestamptz(3),
  revoked_at timestamptz(3)
);
create unique index api_key_hash_key on api_key (hash);
create index api_key_user_id_created_at_id_idx on api_key (user_id, created_at, id);

create table signing_key (
  id text primary key,
  public_jwk jsonb not null,
  private_key bytea not null,
  created_at timestamptz(3) not null,
  active_at timestamptz(3) not null
);

create table membership (
  id text primary key,
  user_id text not null,
  organization_id text not null,
  workspace_id text
);
create index membership_user_id_organization_id_idx on membership (user_id, organization_id);
create index membership_organization_id_user_id_idx on membership (organization_id, user_id);

-- A person sees and changes their own rows. The service itself (sign-in, when nobody is known yet; the gateway's
-- questions; events) sees all. With neither set, there are no rows.

alter table sign_in_method enable row level security;
alter table sign_in_method force row level security;
create policy own on sign_in_method
  using (user_id = (select current_user_id()) or (select is_service()))
  with check (user_id = (select current_user_id()) or (select is_service()));

alter table session enable row level security;
alter table session force row level security;
create policy own on session
  using (user_id = (select current_user_id()) or (select is_service()))
  with check (user_id = (select current_user_id()) or (select is_service()));

alter table refresh_token enable row level security;
alter table refresh_token force row level security;
create policy own on refresh_token
  using (user_id = (select current_user_id()) or (select is_service()))
  with check (user_id = (select current_user_id()) or (select is_service()));

alter table api_key enable row level security;
alter table api_key force row level security;
create policy own on api_key
  using (user_id = (select current_user_id()) or (select is_service()))
  with check (user_id = (select current_user_id()) or (select is_service()));

alter table signing_key enable row level security;
alter table signing_key force row level security;
create policy service on signing_key using ((select is_service())) with check ((select is_service()));

-- Colleagues see each other's memberships of the organization that they stand in; only tenancy's events write them.
alter table membership enable row level security;
alter table membership force row level security;
create policy visible on membership for select
  using (
    user_id = (select current_user_id())
    or organization_id = (select current_organization())
    or (select is_service())
  );
create policy service on membership using ((select is_service())) with check ((select is_service()));

-- A user is seen by themself and by members of an organization that both belong to and the caller stands in. A guest
-- carries no personal data, and is seen by whoever stands in an organization and knows the id.
alter table user_account enable row level security;
alter table user_account force row level security;
create policy visible on user_account for select
  using (
    id = (select current_user_id())
    or (select is_service())
    or (kind = 'GUEST' and (select current_organization()) is not null)
    or (
      exists (
        select from membership own
        where own.user_id = (select current_user_id()) and own.organization_id = (select current_organization())
      )
      and exists (
        select from membership theirs
        where theirs.user_id = user_account.id and theirs.organization_id = (select current_organization())
      )
    )
  );
create policy own on user_account
  using (id = (select current_user_id()) or (select is_service()))
  with check (id = (select current_user_id()) or (select is_service()));
