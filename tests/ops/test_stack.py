"""The stack starts in order, starts again what dies, keeps its data, and leaves no process behind.

The supervisor is tried on small fake children; PostgreSQL and Temporal themselves only where they matter.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from ops import doctor, embedded, stack
from ops.lease import end_leftovers, hold, read_state, stamp
from ops.settings import Settings
from ops.stack import embedded_servers, run_stack, running
from ops.supervisor import CannotStart, Child, Part, Supervisor
from store.database import APP, migrate

BOUND_SECONDS = 30  # for anything awaited here: generous on a busy machine, never waited out on a good one


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A new data folder. Not pytest's own, which is closed to the user who runs PostgreSQL for root."""
    with new_data_dir() as path:
        yield path


@pytest.fixture(scope="module")
def kept() -> Iterator[Settings]:
    """A data folder that several tests start in turn, so that initdb runs once."""
    with new_data_dir() as path:
        yield settings_for(path)


class new_data_dir(tempfile.TemporaryDirectory):
    def __enter__(self) -> Path:
        folder = Path(super().__enter__())
        folder.chmod(0o711)
        return folder / "var"


def settings_for(path: Path, **more: object) -> Settings:
    return Settings(data_dir=path, database_url=None, temporal_address=None, **more)


def python(name: str, code: str, **more: object) -> Child:
    more.setdefault("ready", at_once)
    return Child(name, (sys.executable, "-c", code), dict(os.environ), **more)


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


async def eventually(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while not holds():
            await asyncio.sleep(0.02)


def is_gone(pid: int) -> bool:
    return stamp(pid) is None


def processes_of(path: Path) -> list[str]:
    """Command lines of all live processes that bear this data folder's mark; ours but for pytest itself."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words, environ = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            if os.fsencode(path) in words + environ and stamp(int(process.name)):
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found


# ---- The supervisor ----------------------------------------------------------------------------------------

SLEEP = "import time; time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); {SLEEP}"
PARENT = (
    f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', '{SLEEP}'])\n"
    f"print(child.pid, flush=True); {SLEEP}"
)


@pytest.fixture
async def supervisor(tmp_path):
    states: list[tuple[str, str]] = []
    keeper = Supervisor(tmp_path / "logs", lambda part: states.append((part.name, part.state)))
    keeper.states = states
    yield keeper
    await keeper.stop()


async def test_each_is_ready_before_the_next_starts_and_stops_after_it(supervisor):
    await supervisor.start(python("first", SLEEP))
    await supervisor.start(python("second", SLEEP))
    pids = [part.pid for part in supervisor.parts.values()]
    await supervisor.stop()
    changes = list(dict.fromkeys(supervisor.states))
    assert changes == [
        ("first", "starting"), ("first", "ready"), ("second", "starting"), ("second", "ready"),
        ("second", "stopping"), ("second", "stopped"), ("first", "stopping"), ("first", "stopped"),
    ]  # fmt: skip
    assert all(is_gone(pid) for pid in pids)


async def test_what_dies_starts_again_and_the_death_is_shown(supervisor):
    await supervisor.start(python("worker", SLEEP))
    part = supervisor.parts["worker"]
    for death in (1, 2):
        os.kill(part.pid, signal.SIGKILL)
        await eventually(lambda death=death: part.deaths == death and part.state == "ready")
    assert part.exit_code == -signal.SIGKILL
    assert supervisor.states.count(("worker", "waiting")) == 2


async def test_a_child_that_never_starts_is_reported_with_its_last_words(supervisor):
    with pytest.raises(CannotStart, match=r"(?s)broken 启动失败（退出码 3）。请查看日志 .*no such table"):
        await supervisor.start(python("broken", "print('no such table'); raise SystemExit(3)", ready=never))
    assert supervisor.parts["broken"].state == "failed"


async def test_a_program_that_is_missing_is_reported(supervisor):
    with pytest.raises(CannotStart, match=r"(?s)无法启动.*No such file"):
        await supervisor.start(Child("absent", ("/no/such/program",), {}, ready=at_once))


async def test_another_server_on_the_port_does_not_make_a_dead_child_ready(supervisor):
    async def somebody_answers() -> bool:
        await asyncio.sleep(0.3)
        return True

    with pytest.raises(CannotStart, match="退出码 1"):
        await supervisor.start(python("web", "raise SystemExit(1)", ready=somebody_answers))


async def test_a_child_that_is_not_ready_in_time_is_reported_and_stopped(supervisor):
    with pytest.raises(CannotStart, match=r"在 0\.3 秒内没有就绪"):
        await supervisor.start(python("slow", SLEEP, ready=never, ready_seconds=0.3))
    pid = supervisor.parts["slow"].pid
    await supervisor.stop()
    assert is_gone(pid)


async def test_a_child_that_ignores_the_stop_is_killed(supervisor):
    child = python("stubborn", STUBBORN, stop_seconds=0.2)
    await supervisor.start(child)
    part = supervisor.parts["stubborn"]
    await eventually(lambda: "up" in part.log.read_text())
    pid = part.pid
    await supervisor.stop()
    assert is_gone(pid)


async def test_children_of_a_child_go_with_it(supervisor):
    await supervisor.start(python("parent", PARENT))
    log = supervisor.parts["parent"].log
    await eventually(lambda: log.read_text().splitlines()[-1].isdigit())
    grandchild = int(log.read_text().splitlines()[-1])
    await supervisor.stop()
    await eventually(lambda: is_gone(grandchild))


async def test_a_program_that_runs_once_must_end_well(supervisor):
    await supervisor.run_once(python("migrate", "print('done')"))
    assert supervisor.parts["migrate"].state == "done"
    with pytest.raises(CannotStart, match="migrate 失败，退出码 2"):
        await supervisor.run_once(python("migrate", "raise SystemExit(2)"))


# ---- The data folder ---------------------------------------------------------------------------------------


async def test_a_leftover_is_ended_only_when_it_is_provably_ours(data_dir):
    ours = subprocess.Popen(
        [sys.executable, "-c", SLEEP], env=os.environ | {"JUANZONG_DATA_DIR": str(data_dir)}
    )
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP])
    try:
        await eventually(lambda: processes_of(data_dir))
        children = {
            "worker": stamp(ours.pid),
            "web": stamp(stranger.pid),
            "temporal": {"pid": 1, "started": -1},
        }
        assert await end_leftovers(children, (data_dir,)) == ["worker"]
        assert is_gone(ours.pid)
        assert stranger.poll() is None
        recycled = {"web": stamp(stranger.pid) | {"started": 0}}
        assert await end_leftovers(recycled, (Path(sys.executable),)) == []
        assert stranger.poll() is None
    finally:
        for process in (ours, stranger):
            process.kill()
            process.wait()


def test_a_folder_that_cannot_be_written_is_refused_with_advice():
    with pytest.raises(CannotStart, match=r"请.*JUANZONG_DATA_DIR"), hold(Path("/proc/juanzong")):
        pass


def test_a_garbled_state_file_counts_as_none(data_dir):
    data_dir.mkdir()
    (data_dir / "stack.json").write_text('{"children": {')
    with hold(data_dir) as lease:
        assert lease.last == {}


@pytest.mark.parametrize(
    ("first_line", "stays"),
    [
        pytest.param("", False, id="empty: crashed while it was written"),
        pytest.param("{stranger}", False, id="pid of a live stranger"),
        pytest.param("{dead}", True, id="dead pid: PostgreSQL itself looks for orphans"),
    ],
)
def test_a_stale_postmaster_pid(tmp_path, first_line, stays):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = tmp_path / "postmaster.pid"
    lock.write_text(first_line.format(stranger=os.getpid(), dead=dead.pid))
    tmp_path.chmod(0o755)
    embedded.make_startable(tmp_path)
    assert lock.exists() is stays
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_ports_differ_and_stay_the_same():
    names = ("a", "b", "c")
    ports = embedded.free_ports(names, {})
    assert len(set(ports.values())) == 3
    assert embedded.free_ports(names, ports) == ports


# ---- PostgreSQL and Temporal -------------------------------------------------------------------------------


async def test_postgres_is_killed_and_comes_back_with_its_data(kept):
    """One life of a stack: refused twice over, killed, back with its data, and gone without a trace."""
    parts: dict[str, Part] = {}

    async def life(it: stack.Stack) -> None:
        connection = await asyncpg.connect(it.database_url)
        await connection.execute("create table kept (words text); insert into kept values ('鄞州区 Ä')")
        await connection.close()

        with pytest.raises(
            CannotStart, match=rf"已经有一套系统在运行（进程 {os.getpid()}.*kill {os.getpid()}"
        ):
            await run_stack(kept, parts=("postgres",))
        assert running(kept) == it

        os.kill(it.pids["postgres"], signal.SIGKILL)
        await eventually(lambda: parts["postgres"].deaths and parts["postgres"].state == "ready")
        connection = await asyncpg.connect(it.database_url)
        assert await connection.fetchval("select upper(words) from kept") == "鄞州区 Ä"
        assert (
            await connection.fetchval("show fsync")
            == await connection.fetchval("show data_checksums")
            == "on"
        )
        await connection.close()

    async with asyncio.timeout(2 * BOUND_SECONDS):
        await run_stack(
            kept, on_state=lambda part: parts.update({part.name: part}), parts=("postgres",), until=life
        )
    assert running(kept) is None
    assert processes_of(kept.data_dir) == []
    assert (kept.data_dir / "postgres.password").stat().st_mode & 0o777 == 0o600
    assert (kept.data_dir / "postgres" / "data").stat().st_mode & 0o777 == 0o700


async def test_a_killed_stack_takes_postgres_with_it_and_the_next_one_starts(kept):
    code = (
        "import asyncio, sys; from pathlib import Path; from ops.stack import run_stack, Settings\n"
        "asyncio.run(run_stack(Settings(data_dir=Path(sys.argv[1])), parts=('postgres',)))"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(kept.data_dir)], cwd=stack.PROJECT)
    try:
        await eventually(lambda: read_state(kept.data_dir).get("children", {}).get("postgres"))
        server = read_state(kept.data_dir)["children"]["postgres"]["pid"]
    finally:
        owner.kill()
        owner.wait()
    async with embedded_servers(kept) as it:  # without a pause: what still stops is waited for
        assert it.pids["postgres"] != server
        connection = await asyncpg.connect(it.database_url)
        assert await connection.fetchval("select 1") == 1
        await connection.close()
        assert is_gone(server)
    assert processes_of(kept.data_dir) == []


async def test_ctrl_c_stops_everything(kept):
    async def press(it: stack.Stack) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(BOUND_SECONDS)
        pytest.fail("nobody stopped")

    await run_stack(kept, parts=("postgres",), until=press)
    assert processes_of(kept.data_dir) == []


async def test_temporal_is_killed_and_comes_back_with_its_data(data_dir):
    from temporalio.api.enums.v1 import IndexedValueType
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.client import Client

    settings, parts = settings_for(data_dir, temporal_namespace="county"), {}

    async def life(it: stack.Stack) -> None:
        client = await Client.connect(it.temporal_address, namespace="county")
        await client.start_workflow("Nobody", id="star/1", task_queue="county")
        os.kill(it.pids["temporal"], signal.SIGKILL)
        await eventually(lambda: parts["temporal"].deaths and parts["temporal"].state == "ready")
        assert (await client.get_workflow_handle("star/1").describe()).status.name == "RUNNING"
        about = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="county"))
        assert about.config.workflow_execution_retention_ttl.ToTimedelta().days == embedded.RETENTION_DAYS
        names = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace="county")
        )
        assert names.custom_attributes["CaseNo"] == IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD

    async with asyncio.timeout(2 * BOUND_SECONDS):
        await run_stack(
            settings, on_state=lambda part: parts.update({part.name: part}), parts=("temporal",), until=life
        )
    assert processes_of(data_dir) == []


# ---- Our own programs --------------------------------------------------------------------------------------

WEB = """
import os, http.server
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["JUANZONG_HTTP_PORT"])), Answer).serve_forever()
"""


@pytest.fixture
def programs(monkeypatch):
    """Stand-ins for migrate, worker and web, started as the real ones are."""
    told = "import os; print({k: v for k, v in os.environ.items() if k.startswith('JUANZONG_')})\n"
    fakes = {"migrate": told, "worker": SLEEP, "web": told + WEB}
    monkeypatch.setattr(stack, "PROGRAMS", {name: ("-u", "-c", code) for name, code in fakes.items()})
    monkeypatch.setattr(stack, "SETTLED_SECONDS", 0.1)
    return stack.PROGRAMS


async def test_with_servers_of_ones_own_only_our_programs_run(data_dir, programs, monkeypatch):
    monkeypatch.setenv("JUANZONG_SESSION_IDLE_MINUTES", "99")  # the settings handed over count, not these
    url, address = "postgresql://a:secret@db.example/juanzong", "temporal.example:7233"
    settings = Settings(
        data_dir=data_dir, database_url=url, temporal_address=address, session_idle_minutes=20
    )
    order: list[str] = []

    async def life(it: stack.Stack) -> None:
        assert (it.database_url, it.temporal_address) == (url, address)
        assert set(it.pids) == {"worker", "web"}
        assert embedded.is_free(int(it.web_url.rpartition(":")[2])) is False
        assert "secret" not in repr(it) + repr(settings) + (data_dir / "stack.json").read_text()

    await run_stack(settings, on_state=lambda part: order.append(part.name), until=life)
    assert list(dict.fromkeys(order)) == ["migrate", "worker", "web"]
    assert list(dict.fromkeys(reversed(order))) == ["worker", "web", "migrate"]
    told = (data_dir / "logs" / "migrate.log").read_text()
    for part in (url, address, "'JUANZONG_SESSION_IDLE_MINUTES': '20'", f"'JUANZONG_DATA_DIR': '{data_dir}'"):
        assert part in told
    assert processes_of(data_dir) == []


async def test_only_migrate_hears_the_owners_address(data_dir, programs):
    """Web and worker cannot change the log: they do not know how to connect as its owner."""
    owner, app = "postgresql://owner:o@db.example/juanzong", "postgresql://door:d@db.example/juanzong"
    settings = Settings(data_dir=data_dir, database_url=app, owner_url=owner, temporal_address="t:1")
    programs["worker"] = ("-u", "-c", f"{programs['migrate'][-1]}{SLEEP}")

    async def life(it: stack.Stack) -> None:
        assert (it.database_url, it.app_url) == (owner, app)

    await run_stack(settings, until=life)
    told = {name: (data_dir / "logs" / f"{name}.log").read_text() for name in ("migrate", "worker", "web")}
    assert {name for name, text in told.items() if owner in text} == {"migrate"}
    assert all(f"'JUANZONG_DATABASE_URL': '{app}'" in text for text in told.values())


async def test_nothing_runs_on_a_database_that_could_not_be_migrated(data_dir, programs):
    programs["migrate"] = ("-c", "raise SystemExit('0007_seats.sql: no such column')")
    settings = Settings(data_dir=data_dir, database_url="postgresql://db.example/x", temporal_address="t:1")
    with pytest.raises(CannotStart, match=r"(?s)migrate 失败.*0007_seats\.sql: no such column"):
        await run_stack(settings)
    assert not (data_dir / "logs" / "worker.log").exists()
    assert processes_of(data_dir) == []


async def test_a_port_that_is_taken_is_refused_with_advice(data_dir):
    taken = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    with pytest.raises(CannotStart, match=rf"端口 127\.0\.0\.1:{port} 已被.*请.*JUANZONG_HTTP_PORT"):
        await run_stack(settings_for(data_dir, http_port=port))
    taken.close()
    await taken.wait_closed()


# ---- The doctor --------------------------------------------------------------------------------------------


async def test_the_doctor_finds_a_good_machine_good(kept):
    async with embedded_servers(kept) as it:
        steps = await migrate(it.database_url)
        findings = await doctor.check(kept)
    assert [finding for finding in findings if not finding.ok] == []
    assert {f"数据库结构是第 {steps} 步，与本程序相符", "内置 Temporal 没有运行，启动后再查"} <= {each.what for each in findings}


async def test_the_embedded_database_has_a_user_for_web_and_worker(kept):
    """`migrate` makes it; its password lies beside the owner's, and is made anew where it was lost."""
    for lost in (False, True):
        if lost:
            (kept.data_dir / embedded.APP_PASSWORD_FILE).unlink()
        async with embedded_servers(kept) as it:
            assert running(kept) == it
            await migrate(it.database_url, it.app_url)
            connection = await asyncpg.connect(it.app_url)
            assert await connection.fetchval("select current_user") == embedded.APP_USER
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("delete from event")
            await connection.close()
    assert (kept.data_dir / embedded.APP_PASSWORD_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("as_owner", [False, True])
async def test_the_doctor_knows_who_owns_the_log(kept, as_owner):
    async with embedded_servers(kept) as it:
        await migrate(it.database_url, it.app_url)
        connection = await asyncpg.connect(it.database_url if as_owner else it.app_url)
        (finding,) = await doctor.log_owner(connection)
        await connection.close()
    assert finding.ok is not as_owner
    assert ("JUANZONG_OWNER_URL" in finding.todo) is as_owner


async def test_an_owner_who_may_not_make_roles_is_told_what_to_ask_for(kept):
    """A managed server: its administrator makes the role once, then the owner's `migrate` goes through."""
    async with embedded_servers(kept) as it:
        root = await asyncpg.connect(it.database_url)
        await root.execute("create role small login password 'small'")
        await root.execute("create database small owner small")
        url = f"postgresql://small:small@127.0.0.1:{it.database_url.rpartition(':')[2].partition('/')[0]}/small"
        await root.execute(f"drop owned by {APP}; drop role {APP}")
        with pytest.raises(RuntimeError, match=rf"create role {APP} nologin"):
            await migrate(url)
        await root.execute(f"create role {APP} nologin")
        stranger = url.replace("small:small", "stranger:s")
        with pytest.raises(RuntimeError, match=rf"建立它，并执行 grant {APP} to stranger"):
            await migrate(url, stranger)
        await root.execute(f"create role stranger login password 's' in role {APP}")
        await migrate(url, stranger)
        connection = await asyncpg.connect(stranger)
        assert await connection.fetchval("select count(*) from event") == 0
        await connection.close()
        await root.close()


async def test_the_doctor_says_what_to_do(data_dir, monkeypatch):
    monkeypatch.setattr(doctor, "FREE_BYTES_MIN", 2**60)
    monkeypatch.setattr(doctor, "FONTS", data_dir / "fonts")
    port = embedded.free_ports(["nobody listens"], {})["nobody listens"]
    data_dir.write_text("a file where the folder should be")
    settings = Settings(
        data_dir=data_dir,
        database_url=f"postgresql://a:secret@127.0.0.1:{port}/x",
        temporal_address=f"127.0.0.1:{port}",
        http_host="192.0.2.1",  # reserved for documentation: no machine of ours has it
        http_port=8080,
    )
    start = time.monotonic()
    bad = [finding for finding in await doctor.check(settings) if not finding.ok]
    topics = ["数据目录", "磁盘", "网站", "数据库", "Temporal", "字体"]
    assert len(bad) == len(topics)
    for finding, topic in zip(bad, topics, strict=True):
        assert topic in finding.what
        assert finding.todo.startswith("请")
    assert "secret" not in json.dumps([finding.what + finding.todo for finding in bad])
    assert time.monotonic() - start < BOUND_SECONDS


async def test_what_people_do_not_wait_for_gets_the_time_that_they_leave(tmp_path: Path):
    supervisor = Supervisor(tmp_path)
    for name, behind in (("front", False), ("back", True)):
        await supervisor.start(python(name, "import time; time.sleep(60)", behind=behind))
    try:
        front, back = (os.getpriority(os.PRIO_PROCESS, supervisor.parts[n].pid) for n in ("front", "back"))
        assert back == min(19, front + 10)
    finally:
        await supervisor.stop()
