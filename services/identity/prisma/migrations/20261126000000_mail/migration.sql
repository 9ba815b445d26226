create table mail (
  id text primary key,
  user_id text not null,
  recipient text not null,
  subject text not null,
  text text not null,
  created_at timestamptz(3) not null
);
create index mail_user_id_idx on mail (user_id);
create index mail_created_at_idx on mail (created_at);

-- The service alone writes and reads mails; nobody reads them through the API.
alter table mail enable row level security, force row level security;
create policy service on mail using ((select is_service())) with check ((select is_service()));
