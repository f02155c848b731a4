"""The command `juanzong`."""
from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import asyncpg
from rich.console import Console

from ops.settings import Settings

console = Console()


def main(argv: list[str] | None = None) -> int:
    """Entry point; the exit status is 0 when what was asked is done."""
    parser = argparse.ArgumentParser(prog="juanzong", description="卷宗：县教育局办事与审批")
    sub = parser.add_subparsers(dest="command", required=True, metavar="命令")
    sub.add_parser("up", help="启动全部部件（数据库、Temporal、工作进程、网站）")
    sub.add_parser("migrate", help="把数据库结构升到本程序的版本")
    sub.add_parser("web", help="只启动网站进程")
    sub.add_parser("worker", help="只启动工作进程")
    load = sub.add_parser("load", help="导入人员、岗位、单位、日历和政策")
    load.add_argument("folder", nargs="?", type=Path, help="数据文件夹，默认为自带的演练县")
    verify = sub.add_parser("verify", help="核验全部记录，说出哪一案哪一条不对")
    verify.add_argument("--heads", type=Path, help="签名存放的案卷头文件，一并核对")
    sub.add_parser("rebuild", help="从记录重做待办等各种表")
    sub.add_parser("rehydrate", help="Temporal 丢失后，从记录重新启动每个未结案件")
    sub.add_parser("doctor", help="检查安装，说出哪里不对、怎么办")
    code = sub.add_parser("code", help="给一人打印一次性登录口令")
    code.add_argument("login")
    demo = sub.add_parser("demo", help="演练：看一个县办理一批评审")
    demo.add_argument("--exit", action="store_true", help="演完即退出，写 build/demo.json")
    demo.add_argument("--family", default="", help="只演一类：recognition")
    args = parser.parse_args(argv)
    try:
        return asyncio.run(COMMANDS[args.command](Settings(), args))
    except asyncpg.InsufficientPrivilegeError as error:
        console.print(f"[red]数据库用户无权这样做（{error}）。请设置 JUANZONG_OWNER_URL 为各表所有者的地址。[/red]")
        return 1


async def _up(settings: Settings, args: argparse.Namespace) -> int:
    from ops.stack import run_stack
    from ops.supervisor import WORDS, CannotStart
    try:
        await run_stack(settings, on_state=lambda part: console.print(f"{part.name:10} {WORDS[part.state]}"))
    except CannotStart as error:
        console.print(f"[red]{error}[/red]")
        return 1
    return 0


async def _migrate(settings: Settings, args: argparse.Namespace) -> int:
    from store.database import migrate, open_pool, outdated
    from store.rebuild import rebuild
    owner = settings.owner_url or settings.database_url
    if owner is None:
        console.print("[red]内置数据库由 juanzong up 升级。自有数据库请设置 JUANZONG_DATABASE_URL。[/red]")
        return 1
    try:
        version = await migrate(owner, settings.database_url, settings.rehearsal)
    except RuntimeError as error:
        console.print(f"[red]{error}[/red]")
        return 1
    console.print(f"数据库结构已是第{version}步。")
    async with await open_pool(owner) as pool:
        if await outdated(pool):
            console.print(f"记录是旧版本留下的：按本版本重做了{await rebuild(pool)}个案件的各种表。")
    return 0


async def _web(settings: Settings, args: argparse.Namespace) -> int:
    from api.app import serve
    await serve(settings)
    return 0


async def _worker(settings: Settings, args: argparse.Namespace) -> int:
    import worker
    await worker.main()
    return 0


async def _pool(settings: Settings):
    """The database of the settings, or of the stack that runs on this data folder; as its owner where we know how."""
    from ops.stack import running
    from store.database import open_pool
    stack = None if settings.database_url else running(settings)
    url = settings.owner_url or settings.database_url or (stack.database_url if stack else None)
    if not url:
        console.print("[red]没有正在运行的数据库。请先运行 juanzong up，或设置 JUANZONG_DATABASE_URL。[/red]")
        return None
    return await open_pool(url)


async def _load(settings: Settings, args: argparse.Namespace) -> int:
    from ops.load import DATA, load
    pool = await _pool(settings)
    if pool is None:
        return 1
    counts = await load(pool, args.folder or DATA)
    console.print("，".join(f"{k} {n}" for k, n in counts.items()))
    await pool.close()
    return 0


async def _verify(settings: Settings, args: argparse.Namespace) -> int:
    from store.heads import FILE, Damaged, trusted
    from store.verify import verify
    pool = await _pool(settings)
    if pool is None:
        return 1
    heads = args.heads or settings.data_dir / FILE
    n, faults = 0, 0
    try:
        if args.heads or heads.exists():
            console.print(f"签名存放的案卷头 {heads}，按公钥 {trusted(heads)} 核对。")
        else:
            console.print("没有签名存放的案卷头：看不出记录有没有被整段去掉或重做。", style="yellow")
            heads = None
        async for fault in verify(pool, settings.data_dir / "files", heads):
            if fault.case is None:
                n = fault.version
                continue
            faults += 1
            console.print(f"[red]{fault.case} 第{fault.version}条：{fault.what}[/red]")
    except Damaged as error:
        console.print(f"[red]签名存放的案卷头被改过或损坏（{error}）。请留存这个文件备查，用另存的一份再核验。[/red]")
        return 1
    finally:
        await pool.close()
    console.print(f"核验{n}条记录，{'全部一致' if not faults else f'{faults}处不对'}。")
    return 1 if faults else 0


async def _rebuild(settings: Settings, args: argparse.Namespace) -> int:
    from store.rebuild import rebuild
    pool = await _pool(settings)
    if pool is None:
        return 1
    console.print(f"重做了{await rebuild(pool)}个案件的各种表。")
    await pool.close()
    return 0


async def _rehydrate(settings: Settings, args: argparse.Namespace) -> int:
    from store.rebuild import raise_epoch
    pool = await _pool(settings)
    if pool is None:
        return 1
    console.print(f"已请{await raise_epoch(pool)}个未结案件的工作流从记录重新开始。")
    await pool.close()
    return 0


async def _doctor(settings: Settings, args: argparse.Namespace) -> int:
    from ops.doctor import check
    findings = await check(settings)
    for f in findings:
        console.print(f"{'[green]好[/green]' if f.ok else '[red]不对[/red]'} {f.what}{'' if f.ok else '。' + f.todo}")
    return 0 if all(f.ok for f in findings) else 1


async def _code(settings: Settings, args: argparse.Namespace) -> int:
    from api.sessions import print_code
    pool = await _pool(settings)
    if pool is None:
        return 1
    code = await print_code(pool, args.login)
    console.print(f"{args.login}：{code}（只能用一次）" if code else f"没有登录名{args.login}。请核对人员名单。")
    await pool.close()
    return 0 if code else 1


async def _demo(settings: Settings, args: argparse.Namespace) -> int:
    from ops.demo import demo
    return await demo(settings, stop=args.exit, family=args.family)


COMMANDS = {"up": _up, "migrate": _migrate, "web": _web, "worker": _worker, "load": _load, "verify": _verify,
            "rebuild": _rebuild, "rehydrate": _rehydrate, "doctor": _doctor, "code": _code, "demo": _demo}

if __name__ == "__main__":
    sys.exit(main())
