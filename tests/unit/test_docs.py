"""What the documents say is what the code does: tables are compared with the code, examples are run."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import yaml

from webchat_nb import errors
from webchat_nb.chat.plan import Profile
from webchat_nb.chat.profiles import ProfileRegistry
from webchat_nb.chat.service import ChatService
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.engines.script import read_script
from webchat_nb.transports import http, http_base, subscriber
from webchat_nb.wire.requests import Limits
from webchat_nb_server.application import WebChatExtension

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert section is not None, heading
    rows = [line for line in section[1].splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_every_setting_of_the_extension_is_described() -> None:
    own = set(WebChatExtension.class_own_traits(config=True))
    assert {name for row in table("Settings of the server extension") for name in names(row[0])} == own


def test_every_limit_is_described_with_its_default() -> None:
    described = {names(row[0])[0]: row[1] for row in table("Limits")}
    limits = msgspec.structs.asdict(Limits())
    assert described == {
        name: ", ".join(value) if name == "attachment_types" else str(value) for name, value in limits.items()
    }


def test_every_limit_of_tools_is_described_with_its_default() -> None:
    described = {names(row[0])[0]: row[1] for row in table("Limits of tools")}
    assert described == {name: str(value) for name, value in msgspec.structs.asdict(ToolLimits()).items()}


def test_every_key_of_a_profile_is_described() -> None:
    assert {name for row in table("Profiles") for name in names(row[0])} == set(Profile.__struct_fields__)


def test_every_error_code_is_described_with_its_status() -> None:
    classes = [thing for thing in vars(errors).values() if inspect.isclass(thing)]
    codes: dict[str, int] = {code: status for status, code in http_base._HTTP_CODES.items()}
    codes |= {error.code: error.http_status for error in classes if issubclass(error, errors.WebchatError)}
    assert {names(row[0])[0]: int(row[1]) for row in table("Error codes")} == codes


def test_every_close_code_is_described() -> None:
    sent = {thing for thing in vars(subscriber).values() if isinstance(thing, subscriber.CloseCode)}
    described = {subscriber.CloseCode(int(row[0]), names(row[1])[0]) for row in table("Close codes of the websocket")}
    assert described == {code for code in sent if code.code >= 4000}


def test_every_route_is_described_with_its_methods() -> None:
    served: dict[str, Any] = {
        pattern.replace("([^/]+)", "{id}").replace("\\", ""): {method.upper() for method in permissions}
        for pattern, handler, permissions in http._TABLE
        if handler not in (http.UnknownRouteHandler, http.MisnamedSessionHandler)
    }
    described = {names(row[0])[0]: set(row[1].split(", ")) for row in table("Routes")}
    assert described.pop("v1/ws") == {"websocket"}
    assert described == served


def test_the_program_of_the_reference_runs() -> None:
    (program,) = blocks(REFERENCE, "python")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[-1] == "run.finished"


def test_the_program_of_the_stream_prints_what_is_said() -> None:
    text = (ROOT / "docs" / "stream.md").read_text(encoding="utf-8")
    (program,), (printed,) = blocks(text, "python"), blocks(text, "text")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == printed


def test_the_programs_of_the_tools_page_print_what_is_said() -> None:
    text = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
    programs = [program for program in blocks(text, "python") if "asyncio.run(" in program]
    for program, printed in zip(programs, blocks(text, "text"), strict=True):
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == printed


def test_the_programs_of_the_hosting_page_run() -> None:
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    printed: list[str] = []
    for program in blocks(text, "python"):
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
        assert ended.returncode == 0, ended.stderr
        printed.append(ended.stdout)
    chat, policy = printed
    assert "[get_weather " in chat and "18 °C" in chat
    assert chat.splitlines()[-1].startswith("failed: ")
    assert policy == "ann:lab-7\n"


def test_the_methods_of_the_hosting_page_are_there() -> None:
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    section = text.split("| Method | Does |")[1].split("\n\n")[0]
    for signature in re.findall(r"^\| `([^`]+)`", section, re.MULTILINE):
        name, arguments = signature.rstrip(")").split("(")
        found = inspect.signature(getattr(ChatService, name)).parameters
        given = [argument.split("=")[0].strip() for argument in arguments.split(",") if argument.strip() != "…"]
        assert set(given) <= set(found), signature


def test_the_profiles_and_the_script_of_the_readme_can_be_used(tmp_path: Path) -> None:
    profiles, script = blocks(README, "yaml")
    (tmp_path / "profiles.yaml").write_text(profiles)
    (tmp_path / "helper.yaml").write_text(script)
    registry = ProfileRegistry([tmp_path / "profiles.yaml"])
    assert registry.default == "helper"
    assert len(read_script(tmp_path / "helper.yaml").turns) == len(yaml.safe_load(script)["turns"])


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
