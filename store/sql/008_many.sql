-- Many commands at once (store/many.py): one load and one commit for a few hundred cases.
create type many_case as (id text, kind text, version int, state bytea, head bytea, policy text, parent text, leans text[],
    next_at timestamptz);
create type many_reply as (id text, reply bytea, body bytea);
create type many_gate as (name text, version bigint);
create type many_value as (name text, raiser text, value bytea);
create type many_command as (id text, case_id text, body bytea, reply bytea);

-- Like load_v1, for many cases and in one snapshot: the cases and those above them, what is known of the commands, the
-- gates on which any of these leans and those named. Who acts is a workflow, so nobody's posts are read.
create function load_many_v1(p_cases text[], p_commands text[], p_gates text[],
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
create function commit_many_v1(p_now timestamptz, p_actor text, p_cases case_write[], p_groups int[],
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
