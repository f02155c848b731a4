create table message (                      -- what somebody was told; a fact of the case says that it was
    id bigint generated always as identity primary key,
    holder text not null, case_id text not null, visit int not null, what text not null, at timestamptz not null,
    opened_at timestamptz,
    unique (holder, case_id, visit, what)
);
create index message_holder on message (holder, id desc);

create index event_public on event (tag, at) where tag in ('batch.notice_up.v1', 'star.title_conferred.v1');
