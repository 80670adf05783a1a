"""The built-in stores: one in memory, one in a file.

``MemoryStore`` is the readable definition of what a store does. ``SQLiteStore`` does the same in one file that survives
a crash. Both pass ``webchat_nb.testing.store_contract``.

Rule: ST1.
"""

from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.stream.stores.sqlite import SQLiteStore

__all__ = ["MemoryStore", "SQLiteStore"]
