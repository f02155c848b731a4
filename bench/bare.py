"""The limit of this stack: a bare FastAPI + pydantic + asyncpg route that writes event, case and task in one function."""
from __future__ import annotations

import os
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from store.database import open_pool

SCHEMA = """
create table if not exists bare_case (id text primary key, version int not null, state bytea not null);
create table if not exists bare_event (case_id text, version int, data bytea, at timestamptz default clock_timestamp(),
                                       primary key (case_id, version));
create table if not exists bare_task (case_id text primary key, holder text, due timestamptz);
create or replace function bare_act(p_case text, p_data bytea, p_state bytea, p_holder text) returns int
language plpgsql as $$
declare v int;
begin
    update bare_case set version = version + 1, state = p_state where id = p_case returning version into v;
    insert into bare_event (case_id, version, data) values (p_case, v, p_data);
    insert into bare_task values (p_case, p_holder, clock_timestamp()) on conflict (case_id) do update
        set holder = excluded.holder, due = excluded.due;
    return v;
end $$;
"""


class Body(BaseModel):
    verb: str
    visit: int = 0
    seat: str = ""
    to: str = ""
    opinion: str = ""


class Answer(BaseModel):
    case: str
    version: int


def build() -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI):
        app.state.pool = await open_pool(os.environ["JUANZONG_DATABASE_URL"], 12)
        yield
        await app.state.pool.close()
    app = FastAPI(lifespan=lifespan)

    @app.post("/act/{case}")
    async def act(case: str, body: Body) -> Answer:
        version = await app.state.pool.fetchval("select bare_act($1, $2, $3, $4)", case, body.opinion.encode(),
                                                body.model_dump_json().encode(), body.seat)
        return Answer(case=case, version=version)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}
    return app


if __name__ == "__main__":
    uvicorn.run(build(), host="127.0.0.1", port=int(os.environ["PORT"]), loop="uvloop", http="httptools",
                log_level="warning", access_log=False)
