create type case_write as (
    id text, expected int, version int, kind text, subject text, parent text, policy text, state bytea, head bytea,
    leans text[], holders text[], stages text[], ended text, next_at timestamptz, driver text, opened_at timestamptz,
    knock boolean);
create type event_write as (
    case_id text, version int, tag text, data bytea, at timestamptz, actor text, behind text, post text, rule text,
    prev bytea, hash bytea);
create type task_write as (
    case_id text, key text, visit int, stage text, line text, seat text, holder text, pool boolean, due timestamptz,
    provisional boolean);
create type gate_write as (name text, raiser text, value bytea, turns_at timestamptz, next_value bytea);
create type text_write as (id text, case_id text, salt bytea, body text);
create type vote_write as (case_id text, visit int, seat text, choice text);
create type file_write as (case_id text, hash text);

create function county_now() returns timestamptz language sql stable as $$
    select coalesce(driven, clock_timestamp()) from county_clock
$$;
