"""The built-in stores: in memory, in a file, in a Redis.

``MemoryStore`` is the readable definition of what a store does. ``SQLiteStore`` does the same in one file that survives
a crash. ``webchat_nb.stream.stores.redis.RedisStore`` does it for several servers; it needs ``webchat-nb[redis]`` and
is therefore not named here. All pass ``webchat_nb.testing.store_contract``.

Rule: ST1.
"""

from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.stream.stores.sqlite import SQLiteStore

__all__ = ["MemoryStore", "SQLiteStore"]
