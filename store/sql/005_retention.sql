-- A-2: a person's command id is known for 90 days, a workflow's as long as its case. The application may not delete from
-- `command`; this function, which belongs to the owner, is the one way, and it cannot be asked for younger rows.
create function forget_commands_v1() returns bigint
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with gone as (delete from public.command where actor <> 'workflow'
                  and at < public.county_now() - interval '90 days' returning 1)
    select count(*) from gone
$$;
revoke execute on function forget_commands_v1() from public;
