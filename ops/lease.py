"""One stack per data folder: who holds it, what it runs, and what a killed one has left behind.

`stack.lock` is locked as long as a stack runs, and the system unlocks it when that process dies, however it
dies. `stack.json` tells what runs: pids with their start (a pid alone may be somebody else by now) and ports.
"""

import asyncio
import fcntl
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ops.supervisor import CannotStart

LEFTOVER_SECONDS = 15.0  # for a leftover to stop by itself, before SIGKILL


@dataclass
class Lease:
    """The right to run a stack here. `last` is what the stack before wrote, {} the first time."""

    data_dir: Path
    last: dict = field(default_factory=dict)

    def write(self, state: dict) -> None:
        """Replaces stack.json at once, so that a reader never sees half of it."""
        draft = self.data_dir / "stack.new"
        draft.write_text(json.dumps(state, ensure_ascii=False, indent=1))
        draft.chmod(0o600)
        draft.replace(self.data_dir / "stack.json")


@contextmanager
def hold(data_dir: Path) -> Iterator[Lease]:
    """Holds the data folder. Raises CannotStart when another stack does, or when we may not write there."""
    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True)
            # Whatever the umask: the database's user must get through to its own folder, which is closed
            # to all others, as is every other file here.
            data_dir.chmod(0o711)
        lock = (data_dir / "stack.lock").open("a")
    except OSError as error:
        raise CannotStart(
            f"数据目录 {data_dir} 无法写入（{error.strerror}）。请改用原来启动它的用户，"
            f"或者把 JUANZONG_DATA_DIR 设为当前用户可写的目录。"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(already_running(data_dir)) from None
        yield Lease(data_dir, read_state(data_dir))


def read_state(data_dir: Path) -> dict:
    """What the newest stack wrote; {} when there is nothing that can be read."""
    with suppress(OSError, ValueError):
        state = json.loads((data_dir / "stack.json").read_text())
        if isinstance(state, dict):
            return state
    return {}


def is_held(data_dir: Path) -> bool:
    """Whether a stack runs on this data folder now."""
    try:
        with (data_dir / "stack.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def already_running(data_dir: Path) -> str:
    state = read_state(data_dir)
    pid, url = state.get("supervisor", {}).get("pid"), state.get("web_url")
    where = f"，网址 {url}" if url else ""
    how = f"在它的窗口按 Ctrl-C，或执行 kill {pid}" if pid else "在它的窗口按 Ctrl-C"
    who = f"进程 {pid}" if pid else "进程号未知"
    return (
        f"数据目录 {data_dir} 上已经有一套系统在运行（{who}{where}）。请直接使用它；"
        f"要重新启动，请先{how}；要另开一套，请把 JUANZONG_DATA_DIR 设为另一个目录。"
    )


# ---- Leftovers ---------------------------------------------------------------------------------------------


def stamp(pid: int) -> dict[str, int] | None:
    """A process by pid and start (clock ticks since boot); None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else {"pid": pid, "started": int(fields[19])}


def is_ours(pid: int, marks: tuple[Path, ...]) -> bool | None:
    """Whether its command line or JUANZONG_DATA_DIR names one of our folders; None when we may not look."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except PermissionError:
        return None
    except OSError:
        return False
    ours = [os.fsencode(mark) for mark in marks]
    in_words = any(word == mark or word.startswith(mark + b"/") for word in words for mark in ours)
    return in_words or any(b"JUANZONG_DATA_DIR=" + mark in environment for mark in ours)


async def end_leftovers(children: Mapping[str, dict], marks: tuple[Path, ...]) -> list[str]:
    """Ends the processes in `children` that live on and are provably ours, and returns their names.

    Raises CannotStart when one might be ours but we may not look at it or end it.
    """
    ended = []
    for name, child in reversed(children.items()):
        pid = child["pid"]
        ours = stamp(pid) == child and is_ours(pid, marks)
        if ours is False:
            continue
        sig = signal.SIGINT if name == "postgres" else signal.SIGTERM
        if ours is None or not await end(child, sig):
            raise CannotStart(
                f"上次运行留下的进程 {pid}（{name}）还在，而当前用户无权结束它。"
                f"请由 root 确认后执行 kill -{sig.name[3:]} {pid}，再重新启动。"
            )
        ended.append(name)
    return ended


async def end(child: dict, sig: signal.Signals) -> bool:
    """Ends a process that is not our own child: `sig`, and SIGKILL after LEFTOVER_SECONDS.

    False: not allowed, or stuck in the system.
    """
    pid = child["pid"]
    for each in (sig, signal.SIGKILL):
        try:
            os.kill(pid, each)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        for _ in range(int(LEFTOVER_SECONDS / 0.05)):
            if stamp(pid) != child:
                return True
            await asyncio.sleep(0.05)
    return False
