-- The rows of one person, whichever workspace they stand in: for the service alone, and only while it acts for that
-- person (`asService({ userId })`), when they ask for their data or for their erasure. What an update leaves has to be
-- visible to whoever made it.
create index message_participant_id_id_idx on message (participant_id, id);
create index chatbot_created_by_id_idx on chatbot (created_by_id);
create index chatbot_draft_created_by_id_idx on chatbot_draft (created_by_id);
create index chatbot_version_published_by_id_idx on chatbot_version (published_by_id);

do $$
declare name text;
declare person text;
begin
  foreach name in array array['conversation', 'message'] loop
    execute format(
      'create policy person on %I for select
         using ((select is_service()) and participant_id = (select current_user_id()))', name);
    execute format(
      'create policy person_delete on %I for delete
         using ((select is_service()) and participant_id = (select current_user_id()))', name);
  end loop;
  foreach name in array array['chatbot', 'chatbot_version', 'chatbot_draft'] loop
    person := case name when 'chatbot_version' then 'published_by_id' else 'created_by_id' end;
    execute format(
      'create policy person on %I for select
         using ((select is_service()) and %I in ((select current_user_id()), ''erased''))', name, person);
    execute format(
      'create policy person_update on %1$I for update
         using ((select is_service()) and %2$I = (select current_user_id()))
         with check ((select is_service()) and %2$I = ''erased'')', name, person);
  end loop;
end $$;

-- A published version stays what it was: but for references to knowledge bases that no longer exist, and for the name
-- of a person who has been erased.
create or replace function keep_chatbot_version() returns trigger language plpgsql as $$
begin
  if (to_jsonb(new) - 'knowledge_base_ids' - 'published_by_id')
      <> (to_jsonb(old) - 'knowledge_base_ids' - 'published_by_id')
    or not new.knowledge_base_ids <@ old.knowledge_base_ids
    or new.published_by_id not in (old.published_by_id, 'erased') then
    raise exception 'Version % of chatbot % is published and does not change.', old.version, old.chatbot_id;
  end if;
  return new;
end $$;
