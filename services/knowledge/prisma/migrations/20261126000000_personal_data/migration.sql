-- The rows of one person, whichever workspace they stand in: for the service alone, and only while it acts for that
-- person (`asService({ userId })`), when they ask for their data or for their erasure. What an update leaves has to be
-- visible to whoever made it.
create index knowledge_base_created_by_id_idx on knowledge_base (created_by_id);
create index upload_created_by_id_idx on upload (created_by_id);
create index document_created_by_id_idx on document (created_by_id);

do $$
declare name text;
begin
  foreach name in array array['knowledge_base', 'upload', 'document'] loop
    execute format(
      'create policy person on %I for select
         using ((select is_service()) and created_by_id in ((select current_user_id()), ''erased''))', name);
    execute format(
      'create policy person_update on %I for update
         using ((select is_service()) and created_by_id = (select current_user_id()))
         with check ((select is_service()) and created_by_id = ''erased'')', name);
  end loop;
end $$;
