"""What every engine does, as tests that a new engine inherits. One fact per test.

::

    class TestMyEngine(EngineContract):
        @asynccontextmanager
        async def model(self, *replies: Reply, chop: int = 0) -> AsyncIterator[Stage]:
            async with my_local_server(replies, chop) as server:
                yield Stage(engine=MyEngine(server.address), left=server.left)

Needs pytest, and the marker ``rule`` to be registered; ``pytest.register_assert_rewrite`` of this package makes failures
tell more.

Rule: EN1, EN8.
"""

from webchat_nb.testing.engine_contract.account import Account, CallAccount, ToolDrawer, account_of, ask
from webchat_nb.testing.engine_contract.answers import AnswerContract, EngineTests
from webchat_nb.testing.engine_contract.model import AskedCall, Reply, Stage, chopped, in_time
from webchat_nb.testing.engine_contract.tools import RoundContract, ThoughtContract, ToolContract


class EngineContract(AnswerContract, ThoughtContract, ToolContract):
    """What every engine inherits that can all of it; one that cannot inherits the parts that it can."""


class ModelEngineContract(RoundContract, EngineContract):
    """The same, for an engine that asks a model, as often as that calls tools."""


__all__ = [
    "Account",
    "AnswerContract",
    "AskedCall",
    "CallAccount",
    "EngineContract",
    "EngineTests",
    "ModelEngineContract",
    "Reply",
    "RoundContract",
    "Stage",
    "ThoughtContract",
    "ToolContract",
    "ToolDrawer",
    "account_of",
    "ask",
    "chopped",
    "in_time",
]
