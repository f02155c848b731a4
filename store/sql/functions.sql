-- What the program calls. Made again by every `migrate`, so that no installation keeps an older form; a form that returns
-- something else has to be dropped by a numbered migration first.

-- Everything one decision leans on, in one snapshot. The case, then its parent, and theirs; the gates of the stored
-- plans and those named; who acts, with the people near them (G-16). Given a session, its person acts, and the command is
-- theirs; `actor` stays null where it has ended.
create or replace function load_v1(p_case text, p_parent text, p_command text, p_actor text, p_session bytea, p_gates text[],
    out actor text, out now timestamptz, out reply bytea, out body bytea,
    out ids text[], out kinds text[], out versions int[], out states bytea[], out heads bytea[], out policies text[],
    out holders text[], out next_at timestamptz,
    out gate_names text[], out gate_versions bigint[],
    out row_names text[], out row_raisers text[], out row_values bytea[],
    out person bytea, out near_people bytea[], out calendar int)
language plpgsql stable as $$
declare
    k case_head; v_next text := p_case; v_names text[] := p_gates; v_up text := p_parent; v_command text := p_command;
begin
    actor := p_actor;
    if p_session is not null then
        select s.person, s.person || '/' || p_command into actor, v_command
            from session s where s.id = p_session and s.ends_at > clock_timestamp();
        if not found then return; end if;
    end if;
    select coalesce(t.driven, clock_timestamp()), (select version from case_head where id = 'calendars'), c.reply, c.body
        into now, calendar, reply, body from county_clock t left join command c on c.id = v_command;
    ids := '{}'; kinds := '{}'; versions := '{}'; states := '{}'; heads := '{}'; policies := '{}';
    loop
        select * into k from case_head c where c.id = v_next;
        if found then
            ids := ids || k.id; kinds := kinds || k.kind; versions := versions || k.version;
            states := states || k.state; heads := heads || k.head; policies := policies || k.policy;
            v_names := v_names || k.leans;
            if cardinality(ids) = 1 and k.id = p_case then
                holders := k.holders; next_at := k.next_at;
            end if;
            v_next := k.parent;
        else
            v_next := v_up; v_up := '';
        end if;
        exit when coalesce(v_next, '') = '';
    end loop;
    if cardinality(v_names) > 0 then
        select array_agg(n), array_agg(coalesce(g.version, 0))
            into gate_names, gate_versions
            from (select distinct unnest(v_names) n) x left join gate_head g on g.name = x.n;
        select array_agg(g.name), array_agg(g.raiser),
               array_agg(case when g.turns_at <= load_v1.now then g.next_value else g.value end)
            into row_names, row_raisers, row_values
            from gate g where g.name = any (v_names);
    end if;
    if actor <> 'workflow' then
        select c.state, array(
                select o.state from (select g.raiser other from gate g where g.name = 'near:' || actor
                    union select substr(g.name, 6) from gate g where g.raiser = actor and g.name like 'near:%') n
                join case_head o on o.id = n.other)
            into person, near_people from case_head c where c.id = actor and c.kind = 'person';
    end if;
end $$;

-- All of one decision, or none: 'ok', or 'gate' or 'stale' when somebody was faster: then nothing is written. Never raises for
-- a race, and needs no subtransaction for it. The same command id on two cases at once breaks command_pkey.
-- Locks: gates in one sorted pass (shared to read, exclusive to raise), then the cases in the order given (child first).
create or replace function commit_v1(p_command text, p_case text, p_actor text, p_body bytea, p_reply bytea, p_now timestamptz,
    p_cause text, p_gates text[], p_versions bigint[], p_raised text[],
    p_cases case_write[], p_events event_write[], p_tasks task_write[], p_values gate_write[],
    p_unset gate_write[], p_texts text_write[], p_votes vote_write[], p_files file_write[])
returns text language plpgsql as $$
declare
    c case_write; e event_write; t task_write; g gate_write; w text_write; r record;
begin
    if cardinality(p_gates) > 0 or cardinality(p_raised) > 0 then
        for r in select n, hashtextextended(n, 0) h from unnest(p_gates || p_raised) n group by n order by 2, 1 loop
            if r.n = any (p_raised) then perform pg_advisory_xact_lock(r.h);
            else perform pg_advisory_xact_lock_shared(r.h);
            end if;
        end loop;
        perform 1 from unnest(p_gates, p_versions) x(n, v) left join gate_head h on h.name = x.n
            where coalesce(h.version, 0) <> x.v limit 1;
        if found then return 'gate'; end if;
    end if;
    if cardinality(p_cases) > 1 then                -- the parent hears in the same commit: look at all before writing any
        foreach c in array p_cases loop
            if c.expected > 0 then
                perform 1 from case_head k where k.id = c.id and k.version = c.expected for no key update;
                if not found then return 'stale'; end if;
            end if;
        end loop;
    end if;
    foreach c in array p_cases loop
        if c.expected = 0 then
            insert into case_head (id, kind, subject, parent, policy, version, state, head, leans, holders, stages,
                                   ended, next_at, driver, opened_at, touched_at)
                values (c.id, c.kind, c.subject, c.parent, c.policy, c.version, c.state, c.head, c.leans, c.holders,
                        c.stages, c.ended, c.next_at, c.driver, c.opened_at, p_now)
                on conflict do nothing;
        else
            update case_head k set version = c.version, state = c.state, head = c.head, leans = c.leans,
                    holders = case when k.holders @> c.holders then k.holders
                        else array(select distinct h from unnest(k.holders || c.holders) h order by 1) end,
                    stages = c.stages, ended = c.ended, next_at = c.next_at, touched_at = p_now
                where k.id = c.id and k.version = c.expected;
        end if;
        if not found then return 'stale'; end if;           -- only ever the first: the others are locked
    end loop;
    if cardinality(p_events) > 0 then               -- a look without news has no reply to keep
        insert into command (id, case_id, actor, body, reply, at)
            values (p_command, p_case, p_actor, p_body, p_reply, p_now);
    end if;
    foreach e in array p_events loop
        insert into event (case_id, version, tag, data, at, entered_at, actor, behind, post, rule, command, cause,
                           prev, hash)
            values (e.case_id, e.version, e.tag, e.data, e.at, p_now, e.actor, e.behind, e.post, e.rule, p_command,
                    p_cause, e.prev, e.hash);
    end loop;
    foreach c in array p_cases loop
        delete from task where case_id = c.id
            and key <> all (array(select n.key from unnest(p_tasks) n where n.case_id = c.id));
    end loop;
    foreach t in array p_tasks loop
        insert into task values (t.case_id, t.key, t.visit, t.stage, t.line, t.seat, t.holder, t.pool, t.due,
                                 t.provisional, p_now)
            on conflict (case_id, key) do update set holder = excluded.holder, pool = excluded.pool,
                due = excluded.due, provisional = excluded.provisional
                where (task.holder, task.pool, task.due, task.provisional)
                    is distinct from (excluded.holder, excluded.pool, excluded.due, excluded.provisional);
    end loop;
    if cardinality(p_raised) > 0 then
        foreach g in array p_unset loop
            delete from gate where name = g.name and raiser = g.raiser;
        end loop;
        foreach g in array p_values loop
            insert into gate values (g.name, g.raiser, g.value, g.turns_at, g.next_value)
                on conflict (name, raiser) do update set value = excluded.value, turns_at = excluded.turns_at,
                    next_value = excluded.next_value;
        end loop;
        insert into gate_head select n, 1 from unnest(p_raised) n
            on conflict (name) do update set version = gate_head.version + 1;
        -- a gate that moves knocks the drivers of the cases that lean on it
        insert into outbox (driver, case_id)
            select k.driver, k.id from case_head k
            where k.ended = '' and k.leans && p_raised and k.driver <> '' and k.id <> p_case;
    end if;
    if p_case = 'calendars' then            -- every due day is derived again (C-29)
        insert into outbox (driver, case_id) select driver, id from case_head where ended = '' and driver <> '';
    end if;
    if p_texts is not null then
        foreach w in array p_texts loop
            insert into text_body (id, case_id, salt, body) values (w.id, w.case_id, w.salt, w.body) on conflict do nothing;
        end loop;
    end if;
    if cardinality(p_votes) > 0 then
        insert into sealed_vote select x.* from unnest(p_votes) x
            on conflict (case_id, visit, seat) do update set choice = excluded.choice;
    end if;
    if cardinality(p_files) > 0 then
        insert into file_use (hash, uploader, name, case_id, at)
            select u.hash, u.uploader, u.name, x.case_id, p_now
            from unnest(p_files) x join file_use u on u.hash = x.hash and u.uploader = p_actor and u.case_id = ''
            on conflict do nothing;
    end if;
    foreach c in array p_cases loop
        if c.knock and c.driver <> '' then
            insert into outbox (driver, case_id) values (c.driver, c.id);
        end if;
    end loop;
    return 'ok';
end $$;

-- Each in one transaction with the others, and answered by itself: who was slower has written nothing (commit_v1).
-- Of several at once all locks are taken first, in the order in which everybody takes them.
create or replace function commit_all_v1(p_calls commit_call[]) returns text[] language plpgsql as $$
declare x commit_call; r record; v_out text[] := '{}';
begin
    if cardinality(p_calls) > 1 then
        for r in select hashtextextended(g.n, 0) h, bool_or(g.raises) raises
                from unnest(p_calls) c, lateral (select unnest(c.gates) n, false raises
                                                 union all select unnest(c.raised), true) g
                group by g.n order by 1 loop
            if r.raises then perform pg_advisory_xact_lock(r.h);
            else perform pg_advisory_xact_lock_shared(r.h);
            end if;
        end loop;
        for r in select w.id from unnest(p_calls) c, lateral unnest(c.cases) with ordinality w
                group by w.id order by max(w.ordinality), w.id loop
            perform 1 from case_head k where k.id = r.id for no key update;
        end loop;
    end if;
    foreach x in array p_calls loop
        v_out := v_out || commit_v1(x.command, x.case_id, x.actor, x.body, x.reply, x.now, x.cause, x.gates, x.versions,
            x.raised, x.cases, x.events, x.tasks, x.shown, x.unset, x.texts, x.votes, x.files);
    end loop;
    return v_out;
end $$;

-- Like load_v1, for many cases and in one snapshot: the cases and those above them, what is known of the commands, the
-- gates on which any of these leans and those named. Who acts is a workflow, so nobody's posts are read.
create or replace function load_many_v1(p_cases text[], p_commands text[], p_gates text[],
    out now timestamptz, out calendar int, out cases many_case[], out replies many_reply[], out gates many_gate[],
    out vals many_value[])
language plpgsql stable as $$
declare v_names text[];
begin
    select county_now(), (select version from case_head where id = 'calendars') into now, calendar;
    with recursive up (id, parent) as (
        select k.id, k.parent from case_head k where k.id = any (p_cases)
        union select k.id, k.parent from up join case_head k on k.id = up.parent)
    select array_agg((k.id, k.kind, k.version, k.state, k.head, k.policy, k.parent, k.leans, k.next_at)::many_case)
        into cases from up join case_head k using (id);
    select array_agg((c.id, c.reply, c.body)::many_reply) into replies from command c where c.id = any (p_commands);
    v_names := array(select distinct n from (select unnest(p_gates) n union all
                                             select unnest(c.leans) from unnest(cases) c) x);
    select array_agg((n, coalesce(h.version, 0))::many_gate) into gates
        from unnest(v_names) n left join gate_head h on h.name = n;
    select array_agg((g.name, g.raiser,
                      case when g.turns_at <= load_many_v1.now then g.next_value else g.value end)::many_value)
        into vals from gate g where g.name = any (v_names);
end $$;

-- Like commit_v1, for many existing cases. `p_groups` says which cases stand or fall together; answers with the ids of the
-- cases that were written: a group is missing when one of its cases, or a gate on which one leaned, has moved.
-- Locks: gates in one sorted pass, then the cases in the order given, children before parents and by id.
create or replace function commit_many_v1(p_now timestamptz, p_actor text, p_cases case_write[], p_groups int[],
    p_commands many_command[], p_events event_write[], p_event_commands text[], p_event_causes text[], p_tasks task_write[],
    p_gates text[], p_versions bigint[], p_gate_cases text[], p_raised text[], p_raised_cases text[],
    p_values gate_write[], p_unset gate_write[], p_texts text_write[], p_votes vote_write[])
returns text[] language plpgsql as $$
declare v_good text[]; v_raised text[]; r record;
begin
    for r in select x.n, hashtextextended(x.n, 0) h, bool_or(x.raises) raises
            from (select unnest(p_gates) n, false raises union all select unnest(p_raised), true) x
            group by x.n order by 2, 1 loop
        if r.raises then perform pg_advisory_xact_lock(r.h);
        else perform pg_advisory_xact_lock_shared(r.h);
        end if;
    end loop;
    for r in select c.id from unnest(p_cases) with ordinality c order by c.ordinality loop
        perform 1 from case_head k where k.id = r.id for no key update;
    end loop;
    with member as (select c.id, c.expected, g.g from unnest(p_cases) with ordinality c
                    join unnest(p_groups) with ordinality g(g, o) on g.o = c.ordinality),
    bad as (select m.g from member m left join case_head k on k.id = m.id where k.version is distinct from m.expected
            union select m.g from unnest(p_gates, p_versions, p_gate_cases) x(n, v, c) join member m on m.id = x.c
                left join gate_head h on h.name = x.n where coalesce(h.version, 0) <> x.v)
    select array_agg(m.id) into v_good from member m where m.g not in (select bad.g from bad);
    if v_good is null then return '{}'; end if;

    update case_head k set version = c.version, state = c.state, head = c.head, leans = c.leans,
            holders = array(select distinct h from unnest(k.holders || c.holders) h order by 1),
            stages = c.stages, ended = c.ended, next_at = c.next_at, touched_at = p_now
        from unnest(p_cases) c where k.id = c.id and k.id = any (v_good);
    insert into command (id, case_id, actor, body, reply, at)
        select c.id, c.case_id, p_actor, c.body, c.reply, p_now from unnest(p_commands) c where c.case_id = any (v_good);
    insert into event (case_id, version, tag, data, at, entered_at, actor, behind, post, rule, command, cause, prev, hash)
        select e.case_id, e.version, e.tag, e.data, e.at, p_now, e.actor, e.behind, e.post, e.rule, e.id, e.cause, e.prev,
               e.hash
        from unnest(p_events, p_event_commands, p_event_causes) with ordinality
            e(case_id, version, tag, data, at, actor, behind, post, rule, prev, hash, id, cause, o)
        where e.case_id = any (v_good) order by e.o;
    delete from task t where t.case_id = any (v_good)
        and not exists (select 1 from unnest(p_tasks) n where (n.case_id, n.key) = (t.case_id, t.key));
    insert into task select t.case_id, t.key, t.visit, t.stage, t.line, t.seat, t.holder, t.pool, t.due, t.provisional, p_now
        from unnest(p_tasks) t where t.case_id = any (v_good)
        on conflict (case_id, key) do update set holder = excluded.holder, pool = excluded.pool,
            due = excluded.due, provisional = excluded.provisional
            where (task.holder, task.pool, task.due, task.provisional)
                is distinct from (excluded.holder, excluded.pool, excluded.due, excluded.provisional);
    v_raised := array(select distinct x.n from unnest(p_raised, p_raised_cases) x(n, c) where x.c = any (v_good));
    if cardinality(v_raised) > 0 then
        delete from gate g using unnest(p_unset) u where g.name = u.name and g.raiser = u.raiser and u.raiser = any (v_good);
        insert into gate select v.name, v.raiser, v.value, v.turns_at, v.next_value
            from unnest(p_values) v where v.raiser = any (v_good)
            on conflict (name, raiser) do update set value = excluded.value, turns_at = excluded.turns_at,
                next_value = excluded.next_value;
        insert into gate_head select n, 1 from unnest(v_raised) n
            on conflict (name) do update set version = gate_head.version + 1;
        insert into outbox (driver, case_id)
            select k.driver, k.id from case_head k where k.ended = '' and k.leans && v_raised and k.driver <> '';
    end if;
    insert into text_body (id, case_id, salt, body)
        select x.id, x.case_id, x.salt, x.body from unnest(p_texts) x where x.case_id = any (v_good) on conflict do nothing;
    insert into sealed_vote select x.case_id, x.visit, x.seat, x.choice from unnest(p_votes) x where x.case_id = any (v_good)
        on conflict (case_id, visit, seat) do update set choice = excluded.choice;
    insert into outbox (driver, case_id)
        select c.driver, c.id from unnest(p_cases) c where c.knock and c.driver <> '' and c.id = any (v_good);
    return v_good;
exception
    when unique_violation then return '{}';     -- one of these commands was somebody else's a moment ago
end $$;

-- The state of a case and, in the same statement, the outbox rows that the reader of its plan has thereby seen.
create or replace function read_plan_v1(p_case text, p_driver text, out now timestamptz, out kind text, out policy text,
    out version int, out state bytea, out next_at timestamptz, out gates text[], out raisers text[], out vals bytea[],
    out epoch bigint)
language plpgsql as $$
declare v_leans text[];
begin
    delete from outbox where driver = p_driver;
    now := county_now();
    select k.kind, k.policy, k.version, k.state, k.next_at, k.leans into kind, policy, version, state, next_at, v_leans
        from case_head k where k.id = p_case;
    select array_agg(g.name), array_agg(g.raiser),
           array_agg(case when g.turns_at <= read_plan_v1.now then g.next_value else g.value end)
        into gates, raisers, vals from gate g where g.name = any (v_leans);
    select h.version into epoch from gate_head h where h.name = 'epoch';
end $$;

-- The inbox of many holders: a bounded slice of each, merged. `p_pool` chooses between 待办 and 待认领.
create or replace function inbox_v1(p_holders text[], p_pool boolean, p_limit int)
returns table (case_id text, key text, visit int, stage text, line text, seat text, holder text, due timestamptz,
               provisional boolean, since timestamptz, kind text, subject text, parent text, policy text)
language sql stable as $$
    select t.case_id, t.key, t.visit, t.stage, t.line, t.seat, t.holder, t.due, t.provisional, t.since,
           k.kind, k.subject, k.parent, k.policy
    from unnest(p_holders) h(holder)
    cross join lateral (
        select * from task x where x.holder = h.holder and x.pool = p_pool
        order by x.due nulls last, x.case_id, x.key limit p_limit) t
    join case_head k on k.id = t.case_id
    order by t.due nulls last, t.case_id, t.key limit p_limit
$$;
