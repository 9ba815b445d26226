-- The rows of one person, whichever organization they stand in: for the service alone, and only while it acts for that
-- person (`asService({ userId })`), when they ask for their data or for their erasure.
create index invitation_email_idx on invitation (email);
create index invitation_user_id_idx on invitation (user_id);
create index invitation_invited_by_id_idx on invitation (invited_by_id);
create index project_created_by_id_idx on project (created_by_id);

create policy person on organization
  using ((select is_service()) and (founded_for_user_id in ((select current_user_id()), 'erased:' || id) or exists (
    select from organization_member m where m.organization_id = organization.id and m.user_id = (select current_user_id()))))
  with check ((select is_service()) and founded_for_user_id = 'erased:' || id);
create policy person_delete on workspace_member for delete
  using ((select is_service()) and user_id = (select current_user_id()));
create policy person_delete on organization_member for delete
  using ((select is_service()) and user_id = (select current_user_id()));
-- The last owner's successor is somebody else.
create policy succession on organization_member for update
  using ((select is_service()) and (select current_user_id()) is not null)
  with check ((select is_service()) and role = 'owner');
-- By which address somebody was invited, no setting says: the statement does.
create policy person_delete on invitation for delete
  using ((select is_service()) and (select current_user_id()) is not null);
create policy person_update on invitation for update
  using ((select is_service()) and invited_by_id = (select current_user_id()))
  with check ((select is_service()) and invited_by_id = 'erased');
-- What an update leaves has to be visible to whoever made it.
create policy person on project for select
  using ((select is_service()) and created_by_id in ((select current_user_id()), 'erased'));
create policy person_update on project for update
  using ((select is_service()) and created_by_id = (select current_user_id()))
  with check ((select is_service()) and created_by_id = 'erased');
