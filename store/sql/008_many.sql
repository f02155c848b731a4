-- Many commands at once (store/many.py): what load_many_v1 and commit_many_v1 take and give.
create type many_case as (id text, kind text, version int, state bytea, head bytea, policy text, parent text, leans text[],
    next_at timestamptz);
create type many_reply as (id text, reply bytea, body bytea);
create type many_gate as (name text, version bigint);
create type many_value as (name text, raiser text, value bytea);
create type many_command as (id text, case_id text, body bytea, reply bytea);
