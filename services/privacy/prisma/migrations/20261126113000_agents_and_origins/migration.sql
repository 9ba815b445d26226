alter table audit_entry add column agent_id text, add column origin_hash bytea;

-- What an entry says of a person's network and device, apart from the chain, so that it can be erased with the person:
-- the entry has a salted hash of it, which tells nothing once the salt is gone.
create table audit_origin (
  chain text not null,
  number bigint not null,
  person_id text not null,
  network text,
  user_agent text,
  salt bytea not null,
  recorded_at timestamptz(3) not null,
  primary key (chain, number)
);
create index audit_origin_person_id_idx on audit_origin (person_id);
create index audit_origin_recorded_at_idx on audit_origin (recorded_at);

-- What Prisma's schema can't say.

alter table audit_origin enable row level security, force row level security;
create policy inside on audit_origin for select
  using (chain = (select current_organization()) or (select is_service()));
create policy service on audit_origin for insert with check ((select is_service()));
create policy person_delete on audit_origin for delete
  using ((select is_service()) and person_id = (select current_user_id()));
create policy old_delete on audit_origin for delete
  using ((select is_service()) and recorded_at < now() - interval '7 years');
select audit_revoke('audit_origin', 'update, truncate, references, trigger');
