"""Which tags there are, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from webchat_nb.chat.blocks import BlockTag
from webchat_nb.chat.plugins import ChatPlugin, ReadsBlocks
from webchat_nb.errors import DuplicateNameError


def block_tags(plugins: Sequence[ChatPlugin]) -> Mapping[str, BlockTag]:
    """The tags that plugins want, by name.

    Raises:
        DuplicateNameError: Two want the same one.
    """
    tags: dict[str, BlockTag] = {}
    for plugin in plugins:
        for tag in plugin.block_tags if isinstance(plugin, ReadsBlocks) else ():
            if tag.name in tags:
                raise DuplicateNameError(f"plugin {plugin.name!r}: the block tag {tag.name!r} is another plugin's")
            tags[tag.name] = tag
    return tags
