"""What the engines of the vendors' SDKs have in common: the SDK, its HTTP client, the key, the options, the factory.

An SDK is imported when it is first used and not on the event loop: that takes a second. The engines of one factory share
an HTTP client, so a second prompt finds an open connection. The SDKs' own retries are off: whether to try again is not
theirs to decide.

Rule: EN5, AC7.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, final

import msgspec

from webchat_nb.chat.engine import Engine
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.tool_loop import MAX_ROUNDS
from webchat_nb.errors import ConfigError, EngineError

STALL_TIMEOUT_S: Final = 300.0
"""How long a stream may be silent. A model that thinks without showing it is silent for minutes."""

CONNECT_TIMEOUT_S: Final = 10.0

_NO_KEY: Final = "none"
"""Sent to a server that wants no key: the SDKs insist on one."""

_OWN: Final = frozenset({"api_key", "input", "instructions", "messages", "model", "n", "stream", "system", "tools"})
"""What the plan says itself, or the engine has to decide."""


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """An SDK.

    Attributes:
        module: What to import.
        extra: The extra of webchat-nb that brings it.
        client: The SDK's asynchronous client.
        key_env: Where the key is when the profile neither names a variable nor another server.
    """

    module: str
    extra: str
    client: str
    key_env: str


OPENAI: Final = Vendor(module="openai", extra="openai", client="AsyncOpenAI", key_env="OPENAI_API_KEY")
ANTHROPIC: Final = Vendor(module="anthropic", extra="anthropic", client="AsyncAnthropic", key_env="ANTHROPIC_API_KEY")


def key_variable(plan: EnginePlan, vendor: Vendor) -> str | None:
    """The variable that the plan's key is in; None: no key is sent.

    The vendor's own variable is for the vendor's own server: a profile with a ``base_url`` names its variable, so that
    no key goes to a server that it is not meant for.
    """
    return plan.api_key_env or (None if plan.base_url else vendor.key_env)


def read_key(plan: EnginePlan, vendor: Vendor) -> str:
    """The key, as the environment has it now.

    Raises:
        EngineError: The variable is not set.
    """
    variable = key_variable(plan, vendor)
    if variable is None:
        return _NO_KEY
    key = os.environ.get(variable, "").strip()
    if not key:
        raise EngineError(f"there is no key: {variable} is not set in the server's environment", code="no_key")
    return key


def check_options(plan: EnginePlan) -> int:
    """Check what can be checked without the vendor.

    Returns:
        How often the model may be asked in one run: ``max_rounds`` of the options.

    Raises:
        ConfigError: The model is missing, or the options say what is said elsewhere.
    """
    where = f"profile {plan.profile!r}"
    if not plan.model:
        raise ConfigError(f"{where}: model: expected the name of a model, got none")
    if taken := sorted(_OWN & plan.options.keys()):
        raise ConfigError(f"{where}: options: {taken[0]} is not an option; the profile or the engine says it")
    max_rounds = plan.options.get("max_rounds", MAX_ROUNDS)
    if not isinstance(max_rounds, int) or max_rounds < 1:
        raise ConfigError(f"{where}: options: max_rounds: expected a number of at least 1")
    return max_rounds


def request_options(plan: EnginePlan, create: Callable[..., Any], **defaults: Any) -> dict[str, Any]:
    """The plan's options as arguments of an SDK's ``create``.

    What the SDK has no argument for is put into the request's body as it is: other servers have options of their own.
    An option that is ``null`` is left out of the request, also where the engine would send one.
    """
    options = {**defaults, **plan.options}
    options.pop("max_rounds", None)
    known = inspect.signature(create).parameters
    body = {**(options.pop("extra_body", None) or {})}
    body |= {name: value for name, value in options.items() if name not in known and value is not None}
    arguments = {name: value for name, value in options.items() if name in known and value is not None}
    return {**arguments, "extra_body": body} if body else arguments


@final
class VendorPool:
    """An SDK and one HTTP client, opened when first used; belongs to one event loop."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self._sdk: Any = None
        self._http: Any = None
        self._opening = asyncio.Lock()

    async def sdk(self) -> Any:
        """The SDK's module.

        Raises:
            EngineError: It is not installed.
        """
        if self._http is None:
            async with self._opening:
                if self._http is None:
                    self._sdk, self._http = await asyncio.to_thread(self._open)
        return self._sdk

    def client(self, plan: EnginePlan) -> Any:
        """The SDK's client for a plan, with the key of now; costs next to nothing. Needs ``sdk`` before.

        Raises:
            EngineError: There is no key.
        """
        return getattr(self._sdk, self.vendor.client)(
            api_key=read_key(plan, self.vendor),
            base_url=plan.base_url,
            http_client=self._http,
            max_retries=0,
            timeout=self._sdk.Timeout(STALL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        )

    async def aclose(self) -> None:
        """Close the connections; it may be used again afterwards."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    def _open(self) -> tuple[Any, Any]:
        try:
            sdk = import_module(self.vendor.module)
        except ImportError:
            raise EngineError(f"needs: pip install webchat-nb[{self.vendor.extra}]", code="not_installed") from None
        return sdk, sdk.DefaultAsyncHttpxClient()


@final
class VendorFactory:
    """Builds engines on an SDK; what they share is closed with it."""

    def __init__(self, vendor: Vendor, make: Callable[[VendorPool], Engine]) -> None:
        self._pool = VendorPool(vendor)
        self._make = make

    def __call__(self, plan: EnginePlan) -> Engine:
        """Build an engine; nothing is opened yet.

        Raises:
            ConfigError: The plan cannot be used, or the SDK is not installed.
        """
        check_options(plan)
        if missing := self._missing_package():
            raise ConfigError(f"profile {plan.profile!r}: engine {plan.engine!r} needs: {missing}")
        return self._make(self._pool)

    def lacks(self, plan: EnginePlan) -> Sequence[str]:
        """The package or the vendor's key, when it is not there."""
        missing = [package] if (package := self._missing_package()) else []
        variable = key_variable(plan, self._pool.vendor)
        if plan.api_key_env is None and variable is not None and not os.environ.get(variable, "").strip():
            missing.append(f"{variable} in the environment")
        return missing

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    def _missing_package(self) -> str:
        vendor = self._pool.vendor
        return "" if find_spec(vendor.module) is not None else f"pip install webchat-nb[{vendor.extra}]"
