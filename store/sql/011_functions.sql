-- Until now functions stood in these numbered files, of which some were changed after installations had seen them. From here
-- on `functions.sql` makes them all, and none of an older form may stay beside it.
do $$ declare f regprocedure; begin
    for f in select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace and proname in
        ('load_v1', 'commit_v1', 'load_many_v1', 'commit_many_v1', 'read_plan_v1', 'inbox_v1') loop
        execute 'drop function ' || f;
    end loop;
end $$;
-- Who is near whom is shown as a gate by the person in whose register it stands (G-16).
drop table if exists near;
create index if not exists gate_raiser on gate (raiser);
