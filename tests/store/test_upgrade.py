"""What an older release left comes over by `juanzong migrate`; who forgets it is told by `juanzong doctor`."""
from __future__ import annotations

import argparse

import pytest

from ops.cli import COMMANDS
from ops.doctor import schema_version
from ops.settings import Settings
from store.database import migrate, migrations
from tests.county import County

from .test_record import DESCRIBE, clean, made

OLDER = """
    alter table schema_version drop column rebuilt;
    create table near (person text not null, other text not null, primary key (person, other));
    drop index gate_raiser;
    delete from gate where name like 'near:%' or name like 'number:%';
    update case_head set state = convert_to('{}', 'UTF8'), leans = '{}';
    drop function read_plan_v1;
    create function read_plan_v1(p_case text, p_driver text, out now timestamptz) as 'select now()' language sql"""
"""A release that had other functions, and showed less of a case than today's."""


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program has one numbered file more than this record has seen."""
    known = migrations()
    more = [*known, (known[-1][0] + 1, dict(known)[11])]
    monkeypatch.setattr("store.database.migrations", lambda: more)
    monkeypatch.setattr("ops.doctor.migrations", lambda: more)


@pytest.mark.usefixtures("newer")
async def test_migrate_takes_over_what_an_older_release_left(record: County, server: str):
    """States and gates are made again in the same go; killed between the two, the doctor says so."""
    before = await made(record)
    await record.owner.execute(OLDER)
    assert "juanzong migrate" in (await schema_version(record.pool)).todo
    owner = f"{server.rpartition('/')[0]}/{await record.pool.fetchval('select current_database()')}"
    await migrate(owner, record.url)
    assert "juanzong rebuild" in (await schema_version(record.pool)).todo
    own = Settings(owner_url=owner, database_url=record.url, rehearsal=True)
    assert await COMMANDS["migrate"](own, argparse.Namespace()) == 0
    assert await made(record) == before
    assert (await schema_version(record.pool)).ok
    await clean(record)
    await record.act(record.scene["clerk"], record.scene["dossier"], "record", 1, form=DESCRIBE)
    await record.settle()


async def test_a_record_of_a_newer_program_is_left_alone(record: County, server: str):
    await record.owner.execute("insert into schema_version values (99, now())")
    assert "旧程序" in (await schema_version(record.pool)).todo
    owner = f"{server.rpartition('/')[0]}/{await record.pool.fetchval('select current_database()')}"
    assert await COMMANDS["migrate"](Settings(database_url=owner), argparse.Namespace()) == 1
