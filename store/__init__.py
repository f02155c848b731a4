"""The record on PostgreSQL: log, state, read models, gates, outbox; `door` is the one way in."""
