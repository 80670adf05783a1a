"""What every store does, as tests that a new store inherits. One fact per test, one file per subject.

::

    class TestMyStore(StoreContract):
        def make_store(self, place: Path) -> Store:
            return MyStore(place / "data")

A store that several processes write to inherits ``SharedStoreContract``. Needs pytest, and the marker ``rule`` to be
registered; ``pytest.register_assert_rewrite("webchat_nb.testing.store_contract")`` makes failures tell more.

Rule: OR1-OR3, ST1-ST4, ST8.
"""

from webchat_nb.testing.store_contract.base import StoreTests
from webchat_nb.testing.store_contract.conflicts import ConflictContract
from webchat_nb.testing.store_contract.entities import EntityContract
from webchat_nb.testing.store_contract.erasing import EraseContract
from webchat_nb.testing.store_contract.life import LifeContract
from webchat_nb.testing.store_contract.listing import ListContract
from webchat_nb.testing.store_contract.log import LogContract
from webchat_nb.testing.store_contract.pruning import PruneContract
from webchat_nb.testing.store_contract.receipts import ReceiptContract
from webchat_nb.testing.store_contract.sharing import SharingContract
from webchat_nb.testing.store_contract.snapshots import SnapshotContract


class StoreContract(
    LogContract,
    ConflictContract,
    EntityContract,
    ReceiptContract,
    ListContract,
    EraseContract,
    PruneContract,
    LifeContract,
    SnapshotContract,
):
    """All of it: what a store inherits."""


class SharedStoreContract(SharingContract, StoreContract):
    """The same, and what a store inherits besides when several processes write to it."""


__all__ = ["SharedStoreContract", "StoreContract", "StoreTests"]
