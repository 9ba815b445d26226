create table chatbot (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  published_version integer not null,
  latest_version integer not null,
  guest_access boolean not null,
  created_by_id text not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  deleted_at timestamptz(3)
);
create unique index chatbot_organization_id_id_key on chatbot (organization_id, id);
create index chatbot_organization_id_workspace_id_id_idx on chatbot (organization_id, workspace_id, id);

create table chatbot_version (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  chatbot_id text not null,
  version integer not null,
  name text not null,
  greeting text not null,
  persona text not null,
  instructions text not null,
  language text not null,
  refusal_text text,
  knowledge_base_ids text[],
  published_by_id text not null,
  published_at timestamptz(3) not null,
  foreign key (organization_id, chatbot_id) references chatbot (organization_id, id) on delete cascade
);
create unique index chatbot_version_organization_id_chatbot_id_version_key
  on chatbot_version (organization_id, chatbot_id, version);

create table chatbot_draft (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  chatbot_id text,
  finalized_version integer,
  name text not null,
  greeting text not null,
  persona text not null,
  instructions text not null,
  language text not null,
  refusal_text text,
  knowledge_base_ids text[],
  guest_access boolean,
  created_by_id text not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  foreign key (organization_id, chatbot_id) references chatbot (organization_id, id) on delete cascade
);
create index chatbot_draft_organization_id_workspace_id_id_idx on chatbot_draft (organization_id, workspace_id, id);
create index chatbot_draft_organization_id_chatbot_id_idx on chatbot_draft (organization_id, chatbot_id);

create table open_chatbot (
  chatbot_id text primary key,
  organization_id text not null,
  workspace_id text not null,
  name text not null,
  greeting text not null,
  foreign key (organization_id, chatbot_id) references chatbot (organization_id, id) on delete cascade
);
create unique index open_chatbot_organization_id_chatbot_id_key on open_chatbot (organization_id, chatbot_id);

create table conversation (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  chatbot_id text not null,
  chatbot_version integer not null,
  chatbot_name text not null,
  greeting text not null,
  participant_id text not null,
  participant_kind text not null,
  channel text not null,
  message_count integer not null,
  event_count integer not null,
  started_at timestamptz(3) not null,
  last_message_at timestamptz(3),
  closed_at timestamptz(3),
  foreign key (organization_id, chatbot_id) references chatbot (organization_id, id) on delete cascade,
  foreign key (organization_id, chatbot_id, chatbot_version)
    references chatbot_version (organization_id, chatbot_id, version) on delete cascade
);
create unique index conversation_organization_id_id_key on conversation (organization_id, id);
create index conversation_organization_id_workspace_id_id_idx on conversation (organization_id, workspace_id, id);
create index conversation_organization_id_chatbot_id_idx on conversation (organization_id, chatbot_id);
create index conversation_participant_id_id_idx on conversation (participant_id, id);

create table message (
  id text primary key,
  organization_id text not null,
  workspace_id text not null,
  conversation_id text not null,
  chatbot_id text not null,
  participant_id text not null,
  position integer not null,
  author text not null,
  text text not null,
  created_at timestamptz(3) not null,
  idempotency_key text,
  answer_state text,
  in_reply_to_id text,
  sentences jsonb,
  route jsonb,
  rating text,
  rating_comment text,
  rated_at timestamptz(3),
  foreign key (organization_id, conversation_id) references conversation (organization_id, id) on delete cascade
);
create unique index message_organization_id_conversation_id_position_key
  on message (organization_id, conversation_id, position);
create unique index message_organization_id_conversation_id_idempotency_key_key
  on message (organization_id, conversation_id, idempotency_key);
create unique index message_organization_id_in_reply_to_id_key on message (organization_id, in_reply_to_id);
create index message_organization_id_workspace_id_created_at_idx on message (organization_id, workspace_id, created_at);

create table pending_question (
  message_id text primary key,
  organization_id text not null,
  workspace_id text not null,
  conversation_id text not null,
  participant_id text not null,
  accepted_at timestamptz(3) not null,
  handed_over boolean not null,
  foreign key (organization_id, conversation_id) references conversation (organization_id, id) on delete cascade
);
create index pending_question_organization_id_conversation_id_idx on pending_question (organization_id, conversation_id);

create table conversation_event (
  organization_id text not null,
  workspace_id text not null,
  conversation_id text not null,
  number integer not null,
  kind text not null,
  message_id text,
  data jsonb not null,
  created_at timestamptz(3) not null,
  primary key (organization_id, conversation_id, number),
  foreign key (organization_id, conversation_id) references conversation (organization_id, id) on delete cascade
);

-- What Prisma's schema can't say.

alter table chatbot add constraint chatbot_published_version_exists
  check (published_version between 1 and latest_version);
alter table chatbot_version add constraint chatbot_version_has_a_list check (knowledge_base_ids is not null);
alter table chatbot_draft add constraint chatbot_draft_has_a_list check (knowledge_base_ids is not null);
alter table conversation add constraint conversation_participant_kind_known
  check (participant_kind in ('USER', 'GUEST', 'API_KEY'));
alter table message add constraint message_is_asked_or_answers check (
  (author = 'PARTICIPANT' and idempotency_key is not null and in_reply_to_id is null
    and answer_state in ('PENDING', 'ANSWERED', 'FAILED'))
  or (author = 'CHATBOT' and idempotency_key is null and in_reply_to_id is not null
    and answer_state is null and route is not null and sentences is not null));
alter table message add constraint message_rating_known check (rating in ('UP', 'DOWN'));

-- A published version stays what it was. Only references to knowledge bases that no longer exist are taken out of it.
create function keep_chatbot_version() returns trigger language plpgsql as $$
begin
  if (to_jsonb(new) - 'knowledge_base_ids') <> (to_jsonb(old) - 'knowledge_base_ids')
    or not new.knowledge_base_ids <@ old.knowledge_base_ids then
    raise exception 'Version % of chatbot % is published and does not change.', old.version, old.chatbot_id;
  end if;
  return new;
end $$;
create trigger keep_chatbot_version before update on chatbot_version
  for each row execute function keep_chatbot_version();

-- Who sees which row. Members see their workspace's; whose conversations among them, the service's policy says.
-- A guest stands in no organization: it sees which bots are open to guests, and its own conversations and messages.
-- It writes nothing by itself: what it does is written in the bot's workspace, once the service has checked it.
do $$
declare name text;
begin
  foreach name in array array['chatbot', 'chatbot_version', 'chatbot_draft', 'open_chatbot', 'conversation', 'message',
                              'pending_question', 'conversation_event'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format(
      'create policy inside on %I
         using (organization_id = (select current_organization()) and workspace_id = (select current_workspace()))
         with check (organization_id = (select current_organization()) and workspace_id = (select current_workspace()))',
      name);
  end loop;
end $$;

create policy guest on open_chatbot for select
  using ((select current_organization()) is null and (select current_user_id()) is not null);
create policy guest on conversation for select
  using ((select current_organization()) is null and participant_id = (select current_user_id()));
create policy guest on message for select
  using ((select current_organization()) is null and participant_id = (select current_user_id()));
-- The service looks for what wasn't answered at once; it answers in the workspace's name.
create policy service on pending_question for select using ((select is_service()));

-- It turns over its whole content all the time: vacuumed by rows, not by a share of an empty table.
alter table pending_question set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
