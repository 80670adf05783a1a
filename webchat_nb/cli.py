"""``webchat-nb``: the standalone server, and the demo in JupyterLab."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Literal

import click

from webchat_nb import __version__
from webchat_nb.errors import WebchatError
from webchat_nb.stream import Hub, Retention, Session, session_id

DEMO_NOTEBOOKS = ("00_hello_chat.ipynb", "01_tools.ipynb")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="webchat-nb")
def main() -> None:
    """A chat that a notebook can rely on."""


@main.command()
@click.option("--port", default=8899, show_default=True, help="Port; 0 takes a free one.")
@click.option("--ip", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--base-path", default="/", show_default=True, help="Path that everything lies under.")
@click.option("--token", default=None, envvar="WEBCHAT_TOKEN", help="Access token; left out, one is made and printed.")
@click.option(
    "--db",
    default="memory",
    show_default=True,
    help="A SQLite file, memory, or redis://[[user]:password@]host[:port][/db] (rediss:// for TLS), which servers share.",
)
@click.option(
    "--lease-ttl",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0.2),
    help="Seconds after which a server that died is given up by the others on the same Redis.",
)
@click.option("--keep-events", type=click.IntRange(min=0), help="Newest events kept of each log; default: all.")
@click.option("--keep-days", type=click.FloatRange(min=0), help="Days that events are kept in logs; default: for ever.")
@click.option(
    "--open-approvals",
    type=click.Choice(["expire", "wait"]),
    default="expire",
    show_default=True,
    help="Answers that wait for a person when the server stops: interrupted, or left to the next server.",
)
@click.option("--profiles", multiple=True, type=click.Path(dir_okay=False), help="Profiles file; may be repeated.")
@click.option("--debug", is_flag=True, help="Log more.")
@click.option("--no-ui", is_flag=True, help="Only the API, no page.")
def serve(
    port: int,
    ip: str,
    base_path: str,
    token: str | None,
    db: str,
    lease_ttl: float,
    keep_events: int | None,
    keep_days: float | None,
    open_approvals: Literal["expire", "wait"],
    profiles: tuple[str, ...],
    debug: bool,
    no_ui: bool,
) -> None:
    """Serve the chat without Jupyter.

    The first line on standard output is `listening on http://…/` once connections are accepted. SIGTERM ends it in
    order: connections are closed, runs are settled, the database is closed.
    """
    from webchat_nb.app import Config, build
    from webchat_nb.transports.standalone import serve as run_server

    made_token = token or secrets.token_urlsafe(24)

    async def run() -> None:
        retention = Retention(max_events=keep_events, max_age_s=None if keep_days is None else keep_days * 86400)
        app = build(
            Config(
                db=db,
                lease_ttl_s=lease_ttl,
                retention=retention,
                open_approvals=open_approvals,
                profiles_files=profiles,
            )
        )
        await app.start()
        try:
            await run_server(
                app.service,
                ip=ip,
                port=port,
                base_path=base_path,
                token=made_token,
                ui=not no_ui,
                debug=debug,
                on_listening=None if token else lambda: click.echo(f"token: {made_token}"),
            )
        finally:
            await app.stop()

    try:
        asyncio.run(run())
    except WebchatError as error:
        raise click.ClickException(error.message) from None
    except OSError as error:
        raise click.ClickException(f"{ip}:{port}: {error.strerror or error}") from None


@main.command()
@click.option("--db", required=True, help="As of `serve`; a SQLite file must not be open in a server.")
@click.option("--session", "session_ids", multiple=True, help="Only this conversation; may be repeated.")
def rebuild(db: str, session_ids: tuple[str, ...]) -> None:
    """Make timelines anew from their logs, after a projection was changed or mended.

    Nobody is told anything while it goes on; a conversation that comes out differently is shown anew to those who have
    it open. Ends with 1 when a conversation could not be rebuilt, which is then left as it was.
    """
    from webchat_nb.app import MEMORY, Config, build

    if db == MEMORY:
        raise click.ClickException("--db: memory keeps nothing that could be rebuilt")
    if "://" not in db and not Path(db).is_file():
        raise click.ClickException(f"--db: {db}: no such file")
    try:
        is_whole = asyncio.run(_rebuild(build(Config(db=db)).hub, session_ids))
    except WebchatError as error:
        raise click.ClickException(error.message) from None
    sys.exit(0 if is_whole else 1)


async def _rebuild(hub: Hub, session_ids: Sequence[str]) -> bool:
    """Rebuild with a progress bar; False when one could not be."""
    from rich.console import Console
    from rich.progress import Progress

    failed_count = changed_count = 0
    console = Console(stderr=True)
    await hub.start()
    try:
        sessions = [await hub.session(session_id(id)) for id in session_ids] or await _all_sessions(hub)
        with Progress(console=console) as progress:
            bar = progress.add_task("events", total=sum(session.head for session in sessions))
            done_count = 0
            for session in sessions:
                if not session.exists:
                    console.print(f"{session.session_id}: no such conversation", markup=False)
                    failed_count += 1
                    continue
                try:
                    rebuilt = await hub.rebuild(
                        session.session_id,
                        progress=lambda events, _, before=done_count: progress.update(bar, completed=before + events),  # type: ignore[misc]
                    )
                except WebchatError as error:
                    console.print(f"{session.session_id}: {error.message}", markup=False)
                    failed_count += 1
                else:
                    changed_count += not rebuilt.is_same
                done_count += session.head
                progress.update(bar, completed=done_count)
    finally:
        await hub.shutdown()
    click.echo(f"conversations: {len(sessions)}, {changed_count} changed, {failed_count} failed")
    return not failed_count


async def _all_sessions(hub: Hub) -> list[Session]:
    sessions: list[Session] = []
    cursor: str | None = None
    while True:
        page = await hub.store.sessions(limit=500, cursor=cursor, where={}, search=None)
        sessions += page.sessions
        cursor = page.next
        if cursor is None:
            return sessions


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--port", default=None, type=int, help="Port of JupyterLab.")
@click.option("--folder", default=None, type=click.Path(file_okay=False), help="Where the demo notebooks are put.")
@click.argument("lab_args", nargs=-1, type=click.UNPROCESSED)
def demo(no_browser: bool, port: int | None, folder: str | None, lab_args: tuple[str, ...]) -> None:
    """Open JupyterLab on the first notebook; what follows `--` is for JupyterLab.

    No key and no network are needed: the default profile is a script.
    """
    notebook = _demo_notebook(Path(folder) if folder else None)
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={notebook.parent.resolve()}",
        f"--LabApp.default_url=/lab/tree/{notebook.name}",  # also in the address that is printed
        # a demo asks nobody on the internet
        *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
    ]
    if no_browser:
        command.append("--no-browser")
    if port is not None:
        command.append(f"--ServerApp.port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if subprocess.run([sys.executable, "-c", "import jupyterlab"], check=False, capture_output=True).returncode:
        raise click.ClickException("JupyterLab is not installed here: pip install jupyterlab")
    os.chdir(notebook.parent)
    os.execv(sys.executable, [*command, *lab_args])


def _demo_notebook(folder: Path | None) -> Path:
    """The first notebook of a checkout, or of copies of the packaged ones in a folder of their own."""
    checkout = Path("notebooks") / DEMO_NOTEBOOKS[0]
    if folder is None and checkout.is_file():
        return checkout.resolve()
    target = folder or Path("webchat-demo")
    for name in DEMO_NOTEBOOKS:
        if not (target / name).exists():
            _copy_notebook(name, target)
    return (target / DEMO_NOTEBOOKS[0]).resolve()


def _copy_notebook(name: str, folder: Path) -> None:
    with resources.as_file(resources.files("webchat_nb.notebook") / name) as source:
        if not source.is_file():
            raise click.ClickException(f"{name} is not in this installation")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)


if __name__ == "__main__":
    main()
