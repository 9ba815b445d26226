-- A document that is read again stays found as it was read before: passages belong to a reading, and a document says
-- which reading searches find.
alter table document add column found_generation integer;
alter table passage add column generation integer not null default 1;

-- The owner is bound by row-level security too, and this is about everybody's rows.
alter table document no force row level security;
alter table passage no force row level security;
update document set found_generation = generation where state = 'INGESTED';
update passage set generation = document.generation from document
 where document.id = passage.document_id and document.generation <> 1;
alter table document force row level security;
alter table passage force row level security;

alter table passage alter column generation drop default;
alter table document add constraint document_found_since check ((found_generation is null) = (ingested_at is null));
create unique index passage_document_id_generation_ordinal_key on passage (document_id, generation, ordinal);
drop index passage_document_id_ordinal_key;
