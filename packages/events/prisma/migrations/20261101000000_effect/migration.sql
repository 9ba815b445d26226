create table account (
  organization_id text not null,
  id text not null,
  version integer not null default 0,
  constraint account_pkey primary key (id)
);
create unique index account_organization_id_id_key on account (organization_id, id);

create table effect (
  organization_id text not null,
  id bigserial not null,
  subject text not null,
  note text not null,
  constraint effect_pkey primary key (id)
);

alter table account enable row level security, force row level security;
create policy account_of_organization on account
  using (organization_id = (select current_organization()) or (select is_service()))
  with check (organization_id = (select current_organization()) or (select is_service()));

alter table effect enable row level security, force row level security;
create policy effect_of_organization on effect
  using (organization_id = (select current_organization()) or (select is_service()))
  with check (organization_id = (select current_organization()) or (select is_service()));

-- Refuses a second pledge of one name only when the transaction commits.
create table pledge (
  organization_id text not null,
  name text not null,
  constraint pledge_name_key unique (organization_id, name) deferrable initially deferred
);
alter table pledge enable row level security, force row level security;
create policy pledge_of_organization on pledge
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
