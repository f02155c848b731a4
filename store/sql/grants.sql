-- What the application may do, all of it. Applied again by every `migrate`, so that nothing else stays granted.
-- It owns nothing: no DDL, and the log it can only make longer. Policies, people and what `rebuild` mends are the owner's.
revoke all on all tables in schema public from juanzong_app;
grant usage on schema public to juanzong_app;
grant select on all tables in schema public to juanzong_app;
grant insert on event, command, text_body, file, file_use, vault_look to juanzong_app;
grant insert, update on case_head, gate_head, account, message, reader to juanzong_app;
grant insert, delete on outbox to juanzong_app;
grant insert, update, delete on task, gate, session, draft, sealed_vote to juanzong_app;
grant update on heartbeat to juanzong_app;
grant execute on function forget_commands_v1() to juanzong_app;
