-- Commands that are under way at the same time share their trips (store/trips.py): each is loaded and committed as before.
create type load_call as (case_id text, parent text, command text, actor text, session bytea, gates text[]);
create type commit_call as (command text, case_id text, actor text, body bytea, reply bytea, now timestamptz, cause text,
    gates text[], versions bigint[], raised text[], cases case_write[], events event_write[], tasks task_write[],
    shown gate_write[], unset gate_write[], texts text_write[], votes vote_write[], files file_write[]);
