-- The record. Owned by the migrating role; the application may insert and read, and update only what can be made again.

-- What an act changes in a case's row is not indexed: the update stays inside its page (HOT), 40 µs instead of 1,000.
create table case_head (                    -- one row a case: its newest version, state and what follows from it
    id text primary key,
    kind text not null,
    subject text not null,
    parent text not null default '',
    policy text not null default '',
    version int not null,
    state bytea not null,
    head bytea not null,                    -- hash of the newest event
    leans text[] not null default '{}',     -- gates of others that its decisions may read
    holders text[] not null default '{}',   -- everybody who holds or held a seat (G-30)
    stages text[] not null default '{}',
    ended text not null default '',
    next_at timestamptz,                    -- when something happens by itself; changes with most acts, so no index
    driver text not null default '',        -- the workflow to which its changes go
    opened_at timestamptz not null,
    touched_at timestamptz not null
) with (fillfactor = 60);
alter table case_head alter column state set storage external;
create index case_kind on case_head (kind, ended, opened_at desc);
create index case_parent on case_head (parent) where parent <> '';
create index case_leans on case_head using gin (leans) where ended = '';
create index case_holders on case_head using gin (holders);
create index case_subject on case_head (subject);

create table event (
    case_id text not null,
    version int not null,
    seq bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    tag text not null,
    data bytea not null,                    -- canonical bytes, hashed as they are
    at timestamptz not null,                -- 发生时间 (C-31)
    entered_at timestamptz not null,        -- 录入时间
    actor text not null,
    behind text not null default '',
    post text not null default '',
    rule text not null default '',
    command text not null,
    cause text not null default '',
    prev bytea not null,
    hash bytea not null,
    primary key (case_id, version)
);
alter table event alter column data set storage external;
create index event_order on event (xid, seq);
create index event_actor on event (actor, seq desc);

create table command (                      -- same id, same body: the same reply, byte for byte (A-2)
    id text primary key,
    case_id text not null,
    actor text not null,
    body bytea not null,
    reply bytea not null,
    at timestamptz not null
);
create index command_age on command using brin (at);

create table task (                         -- 待办: made again from the plan; a closed task is deleted
    case_id text not null,
    key text not null,
    visit int not null,
    stage text not null,
    line text not null,
    seat text not null,
    holder text not null,
    pool boolean not null,                  -- waits to be claimed
    due timestamptz,
    provisional boolean not null,
    since timestamptz not null,
    primary key (case_id, key)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index task_inbox on task (holder, due, case_id, key);

create table gate (                         -- what cases show, by raiser
    name text not null,
    raiser text not null,
    value bytea not null,
    turns_at timestamptz,
    next_value bytea,
    primary key (name, raiser)
);
create table gate_head (name text primary key, version bigint not null) with (fillfactor = 50);

create table outbox (
    id bigint generated always as identity primary key,
    driver text not null,
    case_id text not null,
    at timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index outbox_driver on outbox (driver, id);

create table text_body (                    -- free text, outside the events (G-24); erasing leaves the chain valid
    id text primary key,
    case_id text not null,
    salt bytea not null,
    body text,
    erased_at timestamptz
);
create table sealed_vote (                  -- the vault of secret ballots (R-45)
    case_id text not null, visit int not null, seat text not null, choice text not null,
    primary key (case_id, visit, seat)
);
create table vault_person (                 -- names and numbers (G-24)
    id text primary key, name text not null, phone text not null default '', login text not null unique
);
create table vault_look (                   -- opening another's data is itself recorded (G-29)
    id bigint generated always as identity primary key,
    at timestamptz not null, actor text not null, person text not null, case_id text not null, why text not null
);
create table near (person text not null, other text not null, primary key (person, other));

create table policy (id text primary key, family text not null, body bytea not null, loaded_at timestamptz not null);

create table file (                         -- evidence by content hash; bytes stand in the file store
    hash text primary key,
    size bigint not null,
    kind text not null,
    at timestamptz not null
);
create table file_use (                     -- bound to the uploader until the act that attaches it
    hash text not null references file,
    uploader text not null,
    name text not null,
    case_id text not null default '',
    at timestamptz not null,
    primary key (hash, uploader, case_id)
);

create table account (
    person text primary key,
    password text,                          -- argon2id
    one_time text,                          -- argon2id of the printed code
    tries int not null default 0,
    locked_until timestamptz
);
create table session (
    id bytea primary key,                   -- sha-256 of the cookie
    person text not null,
    csrf text not null,
    seen_at timestamptz not null,
    ends_at timestamptz not null
);
create table draft (                        -- 暂存 (A-36): for that person only, no fact
    person text not null, case_id text not null, form text not null, body jsonb not null, at timestamptz not null,
    primary key (person, case_id, form)
);

create table county_clock (only_row boolean primary key default true check (only_row), driven timestamptz);
insert into county_clock values (true, null);
create table heartbeat (only_row boolean primary key default true check (only_row), at timestamptz not null);
insert into heartbeat values (true, clock_timestamp());
insert into gate_head values ('epoch', 1);

-- Append-only, also for whoever may otherwise write: a change needs the trigger dropped first, and that is seen.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only' using errcode = 'JZ001';
end $$;
create trigger event_no_update before update or delete on event for each row execute function refuse_change();
create trigger event_no_truncate before truncate on event for each statement execute function refuse_change();
alter table event enable always trigger event_no_update;
alter table event enable always trigger event_no_truncate;
create trigger command_no_update before update on command for each row execute function refuse_change();
alter table command enable always trigger command_no_update;
