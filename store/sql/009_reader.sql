-- How far each of our own readers of the log has come (store/follow_log.py).
create table reader (name text primary key, cursor text not null);
