import pg from "pg";

// Unlogged: no write-ahead log, so a write costs a fraction, and the tables are empty after a crash of the server.
// They churn, so they are vacuumed by the number of dead rows and without pauses.
const schema = /* sql */ `
  create unlogged table if not exists ephemeral_value (
    key text collate "C" primary key,
    value text not null,
    expires_at timestamptz not null
  );

  create unlogged table if not exists ephemeral_limit (
    name text collate "C" not null,
    key text collate "C" not null,
    points_used integer not null,
    window_ends_at timestamptz not null,
    refused_until timestamptz,
    times_exceeded integer not null,
    exceeded_is_forgotten_at timestamptz,
    expires_at timestamptz not null generated always as
      (greatest(window_ends_at, refused_until, exceeded_is_forgotten_at)) stored,
    primary key (name, key)
  );

  create index if not exists ephemeral_value_expires_at on ephemeral_value (expires_at);
  create index if not exists ephemeral_limit_expires_at on ephemeral_limit (expires_at);

  alter table ephemeral_value set
    (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
  alter table ephemeral_limit set
    (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

  -- Seconds to wait: 0 when a point was taken. «EphemeralStore.consume» says what it promises.
  create or replace function ephemeral_consume(
    limit_name text, limit_key text, points integer, window_seconds double precision,
    delay_first double precision, delay_factor double precision, delay_max double precision
  ) returns double precision language plpgsql as $$
  declare
    current ephemeral_limit;
    moment timestamptz;
    delay_seconds double precision;
  begin
    -- Whoever keeps asking while refused costs a look, and no write.
    select * into current from ephemeral_limit where name = limit_name and key = limit_key;
    if current.refused_until > clock_timestamp() then
      return extract(epoch from current.refused_until - clock_timestamp());
    end if;

    -- The conflict's row is locked, so the decision below is one caller's at a time.
    insert into ephemeral_limit (name, key, points_used, window_ends_at, times_exceeded)
      values (limit_name, limit_key, 0, '-infinity', 0)
      on conflict (name, key) do update set points_used = ephemeral_limit.points_used
      returning * into current;
    moment := clock_timestamp();

    if current.refused_until > moment then
      return extract(epoch from current.refused_until - moment);
    end if;

    if current.window_ends_at <= moment then
      current.points_used := 0;
      current.window_ends_at := moment + make_interval(secs => window_seconds);
    elsif current.refused_until is not null then
      -- The delay was sat out before the window's end: that earns one point.
      current.points_used := points - 1;
    end if;
    current.refused_until := null;
    if current.exceeded_is_forgotten_at <= moment then
      current.times_exceeded := 0;
      current.exceeded_is_forgotten_at := null;
    end if;

    if current.points_used < points then
      current.points_used := current.points_used + 1;
    else
      delay_seconds := coalesce(
        -- The exponent is bounded, or a long series would overflow.
        least(delay_first * delay_factor ^ least(current.times_exceeded, 60), delay_max),
        extract(epoch from current.window_ends_at - moment));
      current.times_exceeded := current.times_exceeded + 1;
      current.refused_until := moment + make_interval(secs => delay_seconds);
      current.exceeded_is_forgotten_at :=
        current.refused_until + make_interval(secs => greatest(window_seconds, delay_seconds));
    end if;

    update ephemeral_limit set
      points_used = current.points_used,
      window_ends_at = current.window_ends_at,
      refused_until = current.refused_until,
      times_exceeded = current.times_exceeded,
      exceeded_is_forgotten_at = current.exceeded_is_forgotten_at
    where name = limit_name and key = limit_key;
    return coalesce(delay_seconds, 0);
  end $$;
`;

// Any two processes that prepare one database.
const schemaLock = 727_073_701;

/** Makes the tables, as the owner, and lets the role of `appUrl` use them. Safe to run twice, and twice at once. */
export async function prepareSchema(ownerUrl: string, appUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock($1)", [schemaLock]);
    await client.query(schema);
    const appRole = pg.escapeIdentifier(decodeURIComponent(new URL(appUrl).username));
    await client.query(`
      grant select, insert, update, delete on ephemeral_value, ephemeral_limit to ${appRole};
      grant execute on function ephemeral_consume to ${appRole}`);
    await client.query("commit");
  } finally {
    await client.end().catch(() => {});
  }
}
