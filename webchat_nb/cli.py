"""``webchat-nb``: the standalone server, and the demo in JupyterLab."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import click

from webchat_nb import __version__
from webchat_nb.errors import WebchatError

DEMO_NOTEBOOK = "00_hello_chat.ipynb"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="webchat-nb")
def main() -> None:
    """A chat that a notebook can rely on."""


@main.command()
@click.option("--port", default=8899, show_default=True, help="Port; 0 takes a free one.")
@click.option("--ip", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--base-path", default="/", show_default=True, help="Path that everything lies under.")
@click.option("--token", default=None, envvar="WEBCHAT_TOKEN", help="Access token; left out, one is made and printed.")
@click.option("--db", default="memory", show_default=True, help="A SQLite file, or memory.")
@click.option("--profiles", multiple=True, type=click.Path(dir_okay=False), help="Profiles file; may be repeated.")
@click.option("--debug", is_flag=True, help="Log more.")
@click.option("--no-ui", is_flag=True, help="Only the API, no page.")
def serve(
    port: int,
    ip: str,
    base_path: str,
    token: str | None,
    db: str,
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
        app = build(Config(db=db, profiles_files=profiles))
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


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--port", default=None, type=int, help="Port of JupyterLab.")
@click.option("--folder", default=None, type=click.Path(file_okay=False), help="Where the demo notebook is put.")
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
    """The notebook of a checkout, or a copy of the packaged one in a folder of its own."""
    checkout = Path("notebooks") / DEMO_NOTEBOOK
    if folder is None and checkout.is_file():
        return checkout.resolve()
    target = (folder or Path("webchat-demo")) / DEMO_NOTEBOOK
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        packaged = resources.files("webchat_nb.notebook") / DEMO_NOTEBOOK
        with resources.as_file(packaged) as source:
            if not source.is_file():
                raise click.ClickException(f"{DEMO_NOTEBOOK} is not in this installation")
            shutil.copyfile(source, target)
    return target.resolve()


if __name__ == "__main__":
    main()
