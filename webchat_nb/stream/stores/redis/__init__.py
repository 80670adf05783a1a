"""The Redis store: several servers share conversations on one Redis node. Needs ``webchat-nb[redis]``.

::

    store.py        RedisStore: the port
    address.py      the URL: checked, and shown without its password
    link.py         connections: each one checked, patience with a Redis that is away
    recognition.py  is this the data set that we know, and does it keep what it acknowledges?
    writes.py       commits and erasures, as arguments of the scripts
    reads.py        every question, and what Redis answers as records
    sharing.py      what other servers do: heads, news
    leases.py       who of several servers carries something out
    keys.py         names of keys and members
    scripts/        what runs inside Redis, one step each
    errors.py       Redis's errors → ours

All keys lie under one prefix. With the default prefix, and for a conversation ``c1``:

=========================  ======  =====================================================================
``webchat:meta``           hash    schema version, Redis's ``run_id``, the store's generation
``webchat:sessions``       zset    ids by time of change; ``webchat:by:owner=ann`` the same for one owner
``webchat:session:c1``     hash    epoch, head, settled, attributes, times, the first ordinal kept
``webchat:log:c1``         stream  the log; entry ``<ordinal>-0`` is the event (OR4)
``webchat:rows:c1``        hash    entities; ``live``, ``changed`` and ``kinds`` are their indexes
``webchat:receipts:c1``    hash    answers by actor and key
``webchat:writer:x``       string  the last write of the server x, so that a repetition is recognised
``webchat:lease:r``        string  who holds the lease r
``webchat:changes``        channel who wrote which heads
=========================  ======  =====================================================================

One node, or a primary with replicas behind one address; not Redis Cluster: a batch spans conversations.

Rule: OR3, OR4, ST1, ST4, ST5, ST8.
"""

from webchat_nb.errors import ConfigError

try:
    import redis.asyncio  # noqa: F401
except ImportError as error:
    raise ConfigError("the Redis store needs the package redis: pip install webchat-nb[redis]") from error

from webchat_nb.stream.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
