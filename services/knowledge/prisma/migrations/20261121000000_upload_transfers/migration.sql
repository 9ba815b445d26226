-- Every file that a transfer of the upload writes to, or has written to. A transfer that is killed leaves its file and
-- its key here, so that pruning finds what no row would know of otherwise.
alter table upload add column transfers text[] not null default '{}';
