"""Keeps child processes: up one after the other, started again when they die, down in reverse order.

Linux only, because a child that must not outlive us needs PR_SET_PDEATHSIG. Start reading at `Supervisor`.
"""

import asyncio
import ctypes
import os
import pwd
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

State = Literal["starting", "ready", "waiting", "done", "failed", "stopping", "stopped"]
WORDS: dict[State, str] = {
    "starting": "启动中",
    "ready": "运行中",
    "waiting": "意外退出，稍后重启",
    "done": "已完成",
    "failed": "失败",
    "stopping": "停止中",
    "stopped": "已停止",
}

PROBE_SECONDS = 0.05  # between two questions to a child that is not ready yet
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 10.0  # before a dead child is started again
CALM_SECONDS = 30.0  # a child that was ready for so long starts again at the first pause
FIRST_DEATHS_MAX = 3  # before it was ever ready; afterwards a child is started again without end
LOG_BYTES_MAX = 10 * 1024**2  # at a start, a longer log becomes NAME.log.1


class CannotStart(Exception):
    """A sentence for the operator: what is wrong, and what to do."""


def nothing() -> None:
    pass


@dataclass(frozen=True)
class Child:
    """How to run one process. `user` is a name, and needs root."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]] | None = None  # None: a process that runs once (`run_once`)
    user: str | None = None
    cwd: Path = Path("/")
    before_start: Callable[[], None] = nothing
    behind: bool = False  # people do not wait for it: it gets what processor time they leave
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10
    ready_seconds: float = 60


@dataclass
class Part:
    """Where one child stands, for a console to show."""

    name: str
    log: Path
    state: State = "starting"
    pid: int | None = None
    deaths: int = 0
    exit_code: int | None = None  # of the last death; negative: the signal that killed it


def identity(user: str | None) -> dict[str, object]:
    """Arguments of Popen that turn a root process into `user` and nothing more."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def die_with_parent(sig: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends `sig` to the child when the thread that started it is gone.

    It does not reach grandchildren, so a child is the program itself and never a shell.
    """
    parent, prctl = os.getpid(), ctypes.CDLL(None).prctl
    # The parent may have died between fork and prctl: then nobody would ever send the signal.
    return lambda: (prctl(1, int(sig), 0, 0, 0), os.getppid() == parent or os._exit(1))


def _before_exec(child: Child) -> Callable[[], None]:
    tied = die_with_parent(child.stop_signal)
    return lambda: (tied(), child.behind and give_way())


NICENESS = 10  # about a tenth of the time where others want all of it


def give_way(niceness: int = NICENESS) -> None:
    """This process behind the others. Where the kernel groups sessions, only the group's niceness counts."""
    os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


class Supervisor:
    """Runs children with one session and one log each. `on_state` is called at each change of a part."""

    def __init__(self, logs: Path, on_state: Callable[[Part], None] = lambda part: None):
        self.logs = logs
        self.parts: dict[str, Part] = {}
        self._on_state = on_state
        self._keepers: dict[str, asyncio.Task[None]] = {}

    async def start(self, child: Child) -> None:
        """Returns when the child is ready, and keeps it from then on. Raises CannotStart if it never is."""
        self._begin(child)
        ready = asyncio.get_running_loop().create_future()
        keeper = asyncio.create_task(self._keep(child, ready), name=f"keep {child.name}")
        self._keepers[child.name] = keeper
        await asyncio.wait({keeper, ready}, timeout=child.ready_seconds, return_when="FIRST_COMPLETED")
        if keeper.done():
            keeper.result()
        if not ready.done():
            raise CannotStart(self._complaint(child, f"在 {child.ready_seconds:g} 秒内没有就绪"))

    async def run_once(self, child: Child) -> None:
        """Runs a process to its end. Raises CannotStart unless it exits with 0 within its `ready_seconds`."""
        part = self._begin(child)
        process = await self._spawn(child)
        try:
            code = await asyncio.wait_for(process.wait(), child.ready_seconds)
        except TimeoutError:
            code = None
        finally:
            await self._end(child, process)
        self._show(part, "done" if code == 0 else "failed", pid=None, exit_code=code)
        if code != 0:
            how = f"在 {child.ready_seconds:g} 秒内没有完成" if code is None else f"失败，退出码 {code}"
            raise CannotStart(self._complaint(child, how))

    async def stop(self) -> None:
        """Stops all children, the last started first; each gets its `stop_seconds`, then SIGKILL."""
        while self._keepers:
            name, keeper = self._keepers.popitem()
            keeper.cancel()
            await asyncio.wait({keeper})
            if self.parts[name].state != "failed":
                self._show(self.parts[name], "stopped", pid=None)

    async def watch(self) -> None:
        """Never returns; raises when a keeper itself broke, which is our own bug."""
        if not self._keepers:
            await asyncio.Event().wait()
        done, _ = await asyncio.wait(set(self._keepers.values()), return_when="FIRST_COMPLETED")
        for keeper in done:
            keeper.result()
        raise AssertionError("a keeper ended although nobody stopped it")

    async def _keep(self, child: Child, first_ready: asyncio.Future[None]) -> None:
        part, pause = self.parts[child.name], FIRST_PAUSE_SECONDS
        while True:
            since = time.monotonic()
            try:
                code = await self._live(child, first_ready)
            except OSError as error:
                code = None  # no such program, no memory to fork: tried again later, like a death
                self._note(part, f"无法启动：{error}")
            if time.monotonic() - since > CALM_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._show(part, "waiting", pid=None, deaths=part.deaths + 1, exit_code=code)
            if not first_ready.done() and part.deaths >= FIRST_DEATHS_MAX:
                self._show(part, "failed")
                raise CannotStart(self._complaint(child, f"启动失败（退出码 {code}）"))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _live(self, child: Child, first_ready: asyncio.Future[None]) -> int | None:
        """One life of a child: its exit code, once it is dead."""
        part = self.parts[child.name]
        child.before_start()
        process = await self._spawn(child)
        try:
            if await self._answers(child, process):
                self._show(part, "ready")
                if not first_ready.done():
                    first_ready.set_result(None)
                await process.wait()
        except asyncio.CancelledError:
            self._show(part, "stopping")
            raise
        finally:
            await self._end(child, process)
        return process.returncode

    async def _answers(self, child: Child, process: asyncio.subprocess.Process) -> bool:
        """True once the child is ready; False when it is dead, whoever else may answer on its port."""
        assert child.ready is not None, child.name
        while process.returncode is None:
            if await child.ready() and process.returncode is None:
                return True
            await asyncio.sleep(PROBE_SECONDS)
        return False

    def _begin(self, child: Child) -> Part:
        self.logs.mkdir(mode=0o700, exist_ok=True)
        log = self.logs / f"{child.name}.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
        part = self.parts[child.name] = Part(child.name, log)
        self._show(part, "starting")
        return part

    async def _spawn(self, child: Child) -> asyncio.subprocess.Process:
        part = self.parts[child.name]
        self._note(part, child.argv[0])
        with part.log.open("a") as log:
            process = await asyncio.create_subprocess_exec(
                *child.argv,
                env=dict(child.env),
                cwd=child.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_before_exec(child),
                **identity(child.user),
            )
        self._show(part, "starting", pid=process.pid)
        return process

    async def _end(self, child: Child, process: asyncio.subprocess.Process) -> None:
        """Leaves neither the child nor what it has started in its session."""
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, child.stop_signal)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), child.stop_seconds)
        # The group bears the child's pid, which the system hands out again only after all others.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    def _show(self, part: Part, state: State, **changes: object) -> None:
        for name, value in changes.items():
            setattr(part, name, value)
        part.state = state
        self._on_state(part)

    def _note(self, part: Part, line: str) -> None:
        with part.log.open("a") as log:
            log.write(f"--- {datetime.now().astimezone():%F %T %z} {line}\n")

    def _complaint(self, child: Child, what: str) -> str:
        log = self.parts[child.name].log
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        return f"{child.name} {what}。请查看日志 {log}，最后几行是：\n{tail}"
