"""A store's generation: what changes all epochs at once when a store may not be what clients remember.

A store that lost its tail, or was restored from a copy, has another past than clients were told of: ordinal 17 of an
epoch may soon name another event. Such a store begins a new *generation*, a random suffix of the epoch of every log
that was there before.

Rule: OR3.
"""

from __future__ import annotations


def wire_epoch(epoch: str, born: str, generation: str) -> str:
    """The epoch as everybody outside the store knows it.

    Args:
        epoch: The log's own, random, as stored.
        born: The store's generation when the log was begun.
        generation: The store's generation now.
    """
    return epoch if born == generation else f"{epoch}.{generation}"
