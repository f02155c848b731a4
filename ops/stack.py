"""The whole system on one machine: PostgreSQL, Temporal, migrations, worker, web server, in this order.

A server that the settings name (JUANZONG_DATABASE_URL, JUANZONG_TEMPORAL_ADDRESS) is used and not started.
"""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ops import embedded
from ops.lease import Lease, end_leftovers, hold, is_held, read_state, stamp
from ops.settings import Settings
from ops.supervisor import CannotStart, Child, Part, Supervisor

PARTS = ("postgres", "temporal", "worker", "web")
PROJECT = Path(__file__).parent.parent
PROGRAMS = {
    "migrate": ("-m", "ops.cli", "migrate"),
    "worker": ("-m", "worker"),
    "web": ("-m", "ops.cli", "web"),
}
SETTLED_SECONDS = 1.0  # a worker answers nobody; one that lived so long has read its settings and its code
MIGRATE_SECONDS_MAX = 1800.0

OnState = Callable[[Part], None]


@dataclass
class Stack:
    """Where what runs can be reached. None: not part of this stack."""

    database_url: str | None = field(repr=False)  # the owner's; holds the password
    temporal_address: str | None
    web_url: str | None
    pids: dict[str, int] = field(default_factory=dict)  # kept up to date while it runs
    app_url: str | None = field(default=None, repr=False)  # with which web and worker connect


async def run_stack(
    settings: Settings,
    *,
    on_state: OnState | None = None,
    parts: tuple[str, ...] = PARTS,
    until: Callable[[Stack], Awaitable[object]] | None = None,
) -> None:
    """Runs the stack until SIGINT, SIGTERM or SIGHUP, or until `until(stack)` is done; leaves no process.

    `on_state` hears of each change of a part. Raises CannotStart with a sentence for the operator, and
    whatever `until` raises. Belongs into the main thread, which is where signals arrive.
    """
    asked_to_stop = asyncio.Event()
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # started by nohup: it outlives the terminal
        signals.append(signal.SIGHUP)
    loop = asyncio.get_running_loop()
    for each in signals:
        loop.add_signal_handler(each, asked_to_stop.set)
    work = asyncio.create_task(_serve(settings, on_state, parts, until))
    bell = asyncio.create_task(asked_to_stop.wait())
    try:
        await asyncio.wait({work, bell}, return_when="FIRST_COMPLETED")
    finally:
        # Cancelled once only, however often somebody presses Ctrl-C: stopping must come to its end.
        bell.cancel()
        work.cancel()
        await asyncio.wait({work})
        for each in signals:
            loop.remove_signal_handler(each)
    if not work.cancelled():
        work.result()


@asynccontextmanager
async def embedded_servers(
    settings: Settings | None = None, parts: tuple[str, ...] = ("postgres",)
) -> AsyncIterator[Stack]:
    """PostgreSQL and/or Temporal for as long as the block lasts, without migrations.

    Without settings they live in a folder of their own that is removed afterwards.
    """
    assert set(parts) <= {"postgres", "temporal"}, parts
    if settings is not None:
        async with start_stack(settings, None, parts) as (stack, _):
            yield stack
        return
    with tempfile.TemporaryDirectory(prefix="juanzong-") as folder:
        os.chmod(folder, 0o711)  # the database's user must get through, as in `hold`
        own = Settings(data_dir=Path(folder) / "var", database_url=None, temporal_address=None)
        async with embedded_servers(own, parts) as stack:
            yield stack


def running(settings: Settings) -> Stack | None:
    """The stack that runs on this data folder, for commands beside it; None when there is none."""
    if not is_held(settings.data_dir):
        return None
    state = read_state(settings.data_dir)
    pids = {name: child["pid"] for name, child in state.get("children", {}).items()}
    ports, app_url = state.get("ports", {}), settings.database_url
    database_url = settings.owner_url or app_url
    if app_url is None and "postgres" in pids:
        with suppress(OSError):
            owner, app = (
                (settings.data_dir / name).read_text().strip()
                for name in (embedded.PASSWORD_FILE, embedded.APP_PASSWORD_FILE)
            )
            database_url = embedded.url(owner, ports["postgres"])
            app_url = embedded.url(app, ports["postgres"], user=embedded.APP_USER)
    address = settings.temporal_address
    if address is None and "temporal" in pids:
        address = f"127.0.0.1:{ports['temporal']}"
    return Stack(database_url, address, state.get("web_url"), pids, app_url)


async def _serve(
    settings: Settings,
    on_state: OnState | None,
    parts: tuple[str, ...],
    until: Callable[[Stack], Awaitable[object]] | None,
) -> None:
    async with start_stack(settings, on_state, parts) as (stack, supervisor):
        ends = {asyncio.create_task(supervisor.watch())}
        if until is not None:
            ends.add(asyncio.ensure_future(until(stack)))
        try:
            done, _ = await asyncio.wait(ends, return_when="FIRST_COMPLETED")
            for each in done:
                each.result()
        finally:
            for each in ends:
                each.cancel()


@asynccontextmanager
async def start_stack(
    settings: Settings, on_state: OnState | None, parts: tuple[str, ...]
) -> AsyncIterator[tuple[Stack, Supervisor]]:
    """Starts the parts in order, and stops them in reverse order at the end of the block."""
    assert set(parts) <= set(PARTS), parts
    with hold(settings.data_dir) as lease:
        await _end_leftovers(settings, lease)
        ports = {**lease.last.get("ports", {}), **_ports(settings, parts, lease.last.get("ports", {}))}
        owner_url = settings.owner_url or settings.database_url
        stack = Stack(owner_url, settings.temporal_address, None, app_url=settings.database_url)
        if "web" in parts:
            stack.web_url = f"http://{_url_host(settings.http_host)}:{ports['web']}"
        state = {"supervisor": stamp(os.getpid()), "ports": ports, "web_url": stack.web_url, "children": {}}

        def show(part: Part) -> None:
            stack.pids = {name: each.pid for name, each in supervisor.parts.items() if each.pid}
            state["children"] = {name: it for name, pid in stack.pids.items() if (it := stamp(pid))}
            lease.write(state)
            if on_state is not None:
                on_state(part)

        supervisor = Supervisor(settings.data_dir / "logs", show)
        try:
            await _start(settings, parts, ports, stack, supervisor)
            yield stack, supervisor
        finally:
            await supervisor.stop()
            lease.write({"ports": ports})


async def _start(
    settings: Settings, parts: tuple[str, ...], ports: dict[str, int], stack: Stack, supervisor: Supervisor
) -> None:
    if "postgres" in parts and settings.database_url is None:
        place = embedded.cluster(settings)
        await embedded.initdb(place, supervisor)
        await supervisor.start(embedded.postgres(place, ports["postgres"]))
        stack.database_url, stack.app_url = place.url(ports["postgres"]), place.app_url(ports["postgres"])
    if "temporal" in parts and settings.temporal_address is None:
        await supervisor.start(
            embedded.temporal(settings, ports["temporal"], ports["temporal_http"], ports["temporal_metrics"])
        )
        stack.temporal_address = f"127.0.0.1:{ports['temporal']}"
    env = _environment(settings, stack, ports)
    if "worker" in parts or "web" in parts:
        owner = _environment(settings, stack, ports, stack.database_url)
        await supervisor.run_once(_program("migrate", owner, ready_seconds=MIGRATE_SECONDS_MAX))
    if "worker" in parts:
        await supervisor.start(_program("worker", env, ready=_settled, behind=True, stop_seconds=15))
    if "web" in parts:
        answers = partial(_web_answers, _url_host(settings.http_host).strip("[]"), ports["web"])
        await supervisor.start(_program("web", env, ready=answers, stop_seconds=5))


def _program(name: str, env: dict[str, str], **more: object) -> Child:
    return Child(name, (sys.executable, *PROGRAMS[name]), env, cwd=PROJECT, **more)


def _environment(
    settings: Settings, stack: Stack, ports: dict[str, int], owner_url: str | None = None
) -> dict[str, str]:
    """What our own programs read: these settings, with the addresses of what has been started meanwhile.

    The owner's address is for `migrate` alone: who serves the county cannot change the log.
    """
    started = {
        "database_url": stack.app_url,
        "owner_url": owner_url,
        "temporal_address": stack.temporal_address,
    }
    if "web" in ports:
        started["http_port"] = ports["web"]
    known = {f"JUANZONG_{name.upper()}" for name in Settings.model_fields}
    others = {name: value for name, value in os.environ.items() if name.upper() not in known}
    return others | settings.model_copy(update=started).environment() | {"PYTHONUNBUFFERED": "1"}


async def _end_leftovers(settings: Settings, lease: Lease) -> None:
    """A killed stack's children end with it; what hung or was not told is ended here."""
    data = (settings.data_dir / "postgres").resolve() / "data"
    children = dict(lease.last.get("children", {}))
    with suppress(OSError, ValueError):
        pid = int((data / "postmaster.pid").read_text().partition("\n")[0])
        if pid in embedded.servers_in(data) and (server := stamp(pid)):
            children = {"postgres": server} | {n: c for n, c in children.items() if n != "postgres"}
    await end_leftovers(children, (settings.data_dir, data))


def _ports(settings: Settings, parts: tuple[str, ...], last_time: dict[str, int]) -> dict[str, int]:
    names = []
    if "postgres" in parts and settings.database_url is None:
        names += ["postgres"]
    if "temporal" in parts and settings.temporal_address is None:
        names += ["temporal", "temporal_http", "temporal_metrics"]
    if "web" in parts and settings.http_port == 0:
        names += ["web"]
    ports = embedded.free_ports(names, last_time)
    if "web" in parts and settings.http_port:
        if not embedded.is_free(settings.http_port, settings.http_host):
            raise CannotStart(
                f"端口 {settings.http_host}:{settings.http_port} 已被别的程序占用，或当前用户无权使用。"
                f"请关闭那个程序，或把 JUANZONG_HTTP_PORT 改为别的端口（0 表示自动选择）。"
            )
        ports["web"] = settings.http_port
    return ports


def _url_host(host: str) -> str:
    """The host under which this machine reaches a server that listens on `host`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


async def _settled() -> bool:
    await asyncio.sleep(SETTLED_SECONDS)
    return True


async def _web_answers(host: str, port: int) -> bool:
    """Whether GET /healthz is answered with 200."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    try:
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), 5)
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
    return status.split()[1:2] == [b"200"]
