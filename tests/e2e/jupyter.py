"""A Jupyter server in a process of its own, with nothing of the user's: home, settings, database, all in one folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Literal, final

import psutil

from tests.e2e import release_extension

ROOT = Path(__file__).resolve().parents[2]

App = Literal["lab", "notebook"]

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
REQUEST_TIMEOUT_S = 40.0

_APPS: dict[App, tuple[str, ...]] = {
    "lab": (
        "jupyterlab",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ),
    "notebook": (
        "notebook",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ),
}

_REGISTER_STACKS = "__import__('faulthandler').register(__import__('signal').SIGUSR1, file=open({path!r}, 'a'))\n"
"""Runs in each kernel: on SIGUSR1 it tells where its threads stand."""


@final
class JupyterServer:
    """JupyterLab or Notebook 7, started, killed and started again with the same port, token and database.

    Args:
        folder: Everything lies below it.
        token: What the browser has to show.
        profiles: A profiles file for the extension.
        app: Which application.
        base_url: Where it is mounted.
    """

    def __init__(self, folder: Path, *, token: str, profiles: Path, app: App = "lab", base_url: str = "/") -> None:
        self.notebooks = folder / "notebooks"
        self.db = folder / "chat.db"
        self.app = app
        self.token = token
        self.port = _free_port()
        self.base_url = base_url
        self._folder = folder
        self._log = folder / "server.log"
        self._stacks = folder / "kernels.stacks"
        self._profiles = profiles
        self._process: subprocess.Popen[bytes] | None = None
        self._kernels: list[psutil.Process] = []
        self.notebooks.mkdir(parents=True)
        # No question about news, which would cover a corner of each page.
        news = folder / "home" / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        news.parent.mkdir(parents=True)
        news.write_text('{"fetchNews": "false"}', encoding="utf-8")
        startup = folder / "home" / "ipython" / "profile_default" / "startup" / "stacks.py"
        startup.parent.mkdir(parents=True)
        startup.write_text(_REGISTER_STACKS.format(path=str(self._stacks)), encoding="utf-8")

    @property
    def url(self) -> str:
        """Where the server is, without the token; a slash at its end."""
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    def notebook_url(self, name: str, *, port: int | None = None) -> str:
        """Address of a notebook with its token; through a proxy when ``port`` is its port."""
        tree = "lab/tree" if self.app == "lab" else "notebooks"
        origin = f"http://127.0.0.1:{port or self.port}"
        query = f"reset&token={self.token}" if self.app == "lab" else f"token={self.token}"
        return f"{origin}{self.base_url}{tree}/{name}?{query}"

    def start(self) -> None:
        """Start it and wait until it answers. Again after ``kill``: same port, token, cookie secret and database."""
        assert self._process is None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self.notebooks,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"the Jupyter server did not start:\n{self.read_log()[-4000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to the server, in the middle of whatever it does. Its kernels end by themselves, a little later."""
        process = self._owned()
        with contextlib.suppress(psutil.NoSuchProcess):
            self._kernels += psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_TIMEOUT_S)
        self._process = None

    def stop(self) -> None:
        """End it in order, kernels included, and leave no process behind."""
        if self._process is not None:
            process = self._process
            with contextlib.suppress(psutil.NoSuchProcess):
                self._kernels += psutil.Process(process.pid).children(recursive=True)
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(STOP_TIMEOUT_S)
            self._process = None
        for left in psutil.wait_procs(self._kernels, timeout=5)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()
        self._kernels.clear()

    def dump_kernels(self) -> str:
        """Where each thread of each kernel stands now."""
        if self._process is not None:
            for child in psutil.Process(self._process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "ipykernel_launcher" in child.cmdline():
                        child.send_signal(signal.SIGUSR1)
            time.sleep(0.5)  # a signal says nothing when it has arrived
        return self._stacks.read_text(errors="replace") if self._stacks.exists() else ""

    def get(self, path: str) -> Any:
        """GET JSON from a path below the base URL."""
        return self._request("GET", path)

    def release(self) -> None:
        """Let long answers go on to their end; waits for one that has not come to its hold yet."""
        self._request("POST", "e2e/release")

    def end_kernels(self) -> None:
        """End all notebooks' kernels."""
        for session in self.get("api/sessions"):
            self._request("DELETE", f"api/sessions/{session['id']}")

    def _request(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:
            return json.loads(answer.read() or b"null")

    def read_log(self) -> str:
        """What the server wrote, without its token."""
        return self._log.read_text(errors="replace").replace(self.token, "[token]")

    def _owned(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server is not running"
        return self._process

    def _answers(self) -> bool:
        try:
            self.get("api/status")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def _command(self) -> list[str]:
        module, *flags = _APPS[self.app]
        command = [sys.executable, "-m", module, *flags, "--no-browser", "--ip=127.0.0.1", f"--port={self.port}"]
        command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.notebooks}"]
        command += [f"--ServerApp.base_url={self.base_url}", "--ServerApp.allow_unauthenticated_access=False"]
        command += [f"--WebChatExtension.db={self.db}", f"--WebChatExtension.profiles_file={self._profiles}"]
        command.append(f"--ServerApp.jpserver_extensions={{'{release_extension.__name__}': True}}")
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--allow-root")
        return command

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY_", "WEBCHAT"))
        }
        home = self._folder / "home"
        folders = {
            "HOME": home,
            "IPYTHONDIR": home / "ipython",
            "JUPYTER_CONFIG_DIR": home / "config",  # the extension is enabled below sys.prefix, not here
            "JUPYTER_DATA_DIR": home / "data",
            "JUPYTER_RUNTIME_DIR": home / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": home / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        }
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        # In the environment a token is not seen in the list of processes.
        told = {"JUPYTER_TOKEN": self.token, "PYTHONPATH": str(ROOT)}
        return kept | {name: str(folder) for name, folder in folders.items()} | told


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
