-- What events made is taken back, to be made again of the same ones: `recorded_events` and `take_back_events`, by which
-- `npm run events -- replay --afresh` knows that a service can (packages/events/src/taking-back.ts).

-- Says why not, where it can't be taken back from then on.
create function require_taking_back(since timestamptz) returns void language plpgsql stable as $$
declare
  earliest timestamptz := (select counted_since.since from counted_since);
begin
  if since <> date_trunc('day', since, 'UTC') then
    raise exception 'Sums are kept of whole days, so whole days are taken back: from a midnight of UTC on, like %.',
      to_char(since at time zone 'UTC', 'YYYY-MM-DD')
      using errcode = 'invalid_parameter_value';
  end if;
  if since < earliest then
    raise exception 'Nothing from before % is recorded again, since it couldn''t be told from a repetition: from % on it is.',
      to_char(earliest at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      to_char((earliest + interval '1 day') at time zone 'UTC', 'YYYY-MM-DD')
      using errcode = 'invalid_parameter_value';
  end if;
end $$;

create function recorded_events(since timestamptz, after uuid, page integer) returns table (id uuid, happened_at timestamptz)
language plpgsql stable as $$
begin
  perform require_taking_back(since);
  return query
    select e.id, e.happened_at from counted_event as e
    where e.happened_at >= since and e.id > after order by e.id limit page;
end $$;

-- What older events made stays. A workspace that was closed stays closed.
create function take_back_events(since timestamptz) returns void language plpgsql volatile as $$
begin
  perform require_taking_back(since);
  -- Recording begins with this table: what is being recorded is waited for, and what comes next waits for us.
  lock table counted_event in share row exclusive mode;
  update counter as ever set value = ever.value - sums.value
    from (select organization_id, workspace_id, metric, object_id, label, sum(value) as value from counter
          where grain = 'DAY' and at >= since group by 1, 2, 3, 4, 5) as sums
    where ever.grain = 'TOTAL' and ever.organization_id = sums.organization_id
      and ever.workspace_id = sums.workspace_id and ever.metric = sums.metric
      and ever.object_id = sums.object_id and ever.label = sums.label;
  delete from counter where grain <> 'TOTAL' and at >= since;
  delete from activity where happened_at >= since;
  delete from recent_document where changed_at >= since;
  delete from presence where at >= since;
  delete from rated_message where rated_at >= since;
  delete from counted_event where happened_at >= since;
end $$;
