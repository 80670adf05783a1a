"""The contract suites are modules of the package: pytest explains their asserts only when told to."""

import pytest

pytest.register_assert_rewrite("webchat_nb.testing.store_contract", "webchat_nb.testing.engine_contract")
