/**
 * The table of this package, made in the database of every service that holds something of people; to be given to
 * `migrate` and `testDatabase` in `base`.
 *
 * `erased_person`  whom this service has erased, so that an event that comes late, or again, brings nobody back, and
 *                  what was answered then
 */
export const personalDataBase = {
  name: "personal_data_0001_erased_person",
  sql: `
create table erased_person (
  user_id text primary key,
  erasure_id text not null,
  erased_at timestamptz(3) not null,
  nouns jsonb not null
);
alter table erased_person enable row level security, force row level security;
create policy service_only on erased_person using ((select is_service())) with check ((select is_service()));
create policy own on erased_person for select using (user_id = (select current_user_id()));
`,
} as const;
