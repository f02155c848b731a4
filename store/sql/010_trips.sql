-- Commands that are under way at the same time share their trips (store/trips.py): each is loaded and committed as before.
create type load_call as (case_id text, parent text, command text, actor text, session bytea, gates text[]);
create type commit_call as (command text, case_id text, actor text, body bytea, reply bytea, now timestamptz, cause text,
    gates text[], versions bigint[], raised text[], cases case_write[], events event_write[], tasks task_write[],
    shown gate_write[], unset gate_write[], texts text_write[], votes vote_write[], files file_write[]);

-- Each in one transaction with the others, and answered by itself: who was slower has written nothing (commit_v1).
-- Of several at once all locks are taken first, in the order in which everybody takes them.
create function commit_all_v1(p_calls commit_call[]) returns text[] language plpgsql as $$
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
