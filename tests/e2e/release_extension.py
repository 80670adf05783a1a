"""A server extension for these tests: ``POST e2e/release`` lets scripts go on that stand at ``wait_for: release``.

So an answer is still being given when a slow page is back, however slow the machine is.
"""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

SIGNAL = "release"
TIMEOUT_S = 30.0


class ReleaseHandler(APIHandler):
    auth_resource = "webchat"

    @web.authenticated
    @authorized("write")
    async def post(self) -> None:
        (extension,) = self.serverapp.extension_manager.extension_apps["webchat_nb_server"]
        signals = extension.runtime.app.signals
        await asyncio.wait_for(signals.reached(SIGNAL), TIMEOUT_S)
        signals.send(SIGNAL, count=signals.waiting_count(SIGNAL))
        self.finish({})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tests.e2e.release_extension"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    route = url_path_join(serverapp.base_url, "e2e/release")
    serverapp.web_app.add_handlers(".*$", [(route, ReleaseHandler)])
