"""What ``%webchat status`` tells: versions, and whether a Jupyter server with the extension is in reach."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = ("webchat-nb", "anywidget", "jupyter-server", "ipykernel", "protobuf")
_TIMEOUT_S = 3.0
_BAD_IPYKERNEL = "7.4.0"


def read_status() -> str:
    """A few lines for a person: versions, the server's address, the profiles it offers. No token is in it."""
    lines = [f"{name} {_version(name)}" for name in _PACKAGES]
    if _version("ipykernel") == _BAD_IPYKERNEL:
        lines.append("ipykernel 7.4.0 may lose messages from widgets after a reload; 7.3.0 does not")
    lines.append(_server_line())
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _server_line() -> str:
    server = _own_server()
    if server is None:
        return "no Jupyter server is in reach of this kernel"
    url = str(server["url"])
    try:
        profiles = _profiles(url, str(server.get("token", "")))
    except urllib.error.HTTPError as error:
        return f"{url} answers, but the webchat_nb server extension does not ({error.code}): restart the server"
    except OSError as error:
        return f"{url} does not answer: {error}"
    return f"{url}webchat/ answers; profiles: {', '.join(profiles)}"


def _own_server() -> Mapping[str, Any] | None:
    """The server that started this kernel: its process id is the kernel's parent."""
    from jupyter_server.serverapp import list_running_servers

    running: Iterable[Mapping[str, Any]] = list_running_servers()
    parent = os.environ.get("JPY_PARENT_PID", "")
    found = list(running)
    return next((server for server in found if str(server.get("pid")) == parent), found[0] if found else None)


def _profiles(url: str, token: str) -> list[str]:
    request = urllib.request.Request(f"{url}webchat/v1/profiles", headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        return [profile["slug"] for profile in json.load(answer)["profiles"]]
