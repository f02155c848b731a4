-- G-29: who looked is as little changed afterwards as what happened.
create trigger vault_look_no_update before update or delete on vault_look for each row execute function refuse_change();
create trigger vault_look_no_truncate before truncate on vault_look for each statement execute function refuse_change();
alter table vault_look enable always trigger vault_look_no_update;
alter table vault_look enable always trigger vault_look_no_truncate;
create index vault_look_person on vault_look (person, id desc);
