"""webchat_nb as an extension of Jupyter's server: its settings, its login, the routes below ``webchat/``."""

from __future__ import annotations

from typing import Any

from webchat_nb_server.application import WebChatExtension

__all__ = ["WebChatExtension", "main"]

main = WebChatExtension.launch_instance


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "webchat_nb_server", "app": WebChatExtension}]
