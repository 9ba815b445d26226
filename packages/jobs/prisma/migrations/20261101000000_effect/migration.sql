create table effect (
  organization_id text not null,
  id text not null,
  times integer not null,
  constraint effect_pkey primary key (id)
);

alter table effect enable row level security, force row level security;
create policy effect_of_organization on effect
  using (organization_id = (select current_organization()) or (select is_service()))
  with check (organization_id = (select current_organization()) or (select is_service()));
