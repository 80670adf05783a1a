"""The engines' contract is a module of the package: pytest explains its asserts only when told to."""

import pytest

pytest.register_assert_rewrite("webchat_nb.testing.engine_contract")
