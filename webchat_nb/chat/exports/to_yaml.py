"""YAML: the same as JSON, for reading: texts of several lines stand as they are."""

from __future__ import annotations

import msgspec
import yaml

from webchat_nb.chat.exports.document import ExportDocument
from webchat_nb.chat.exports.export_file import file_of


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block, and never an alias."""

    def ignore_aliases(self, data: object) -> bool:
        """Equal texts are written twice."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def to_yaml(document: ExportDocument) -> bytes:
    """What JSON says, as YAML."""
    plain = msgspec.to_builtins(file_of(document))
    text: str = yaml.dump(plain, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
    return text.encode()
