from __future__ import annotations

from pathlib import Path

import pytest

from webchat_nb.chat.plan import Profile
from webchat_nb.chat.profile_layers import read_profiles
from webchat_nb.chat.profiles import ProfileRegistry
from webchat_nb.errors import ConfigError, UnknownProfileError

SPEC = Path(__file__).parents[3] / "webchat_nb" / "SPEC.md"


def write(folder: Path, text: str, name: str = "profiles.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def problem(folder: Path, text: str, name: str = "profiles.yaml") -> str:
    with pytest.raises(ConfigError) as caught:
        ProfileRegistry([write(folder, text, name)])
    return str(caught.value).replace(f"{folder}/", "")


def test_without_any_source_there_is_the_demo() -> None:
    registry = ProfileRegistry()
    assert registry.slugs == ("default",)
    assert registry.get() == registry.get("default")
    assert (registry.get().title, registry.get().engine, registry.get().script) == ("Demo", "scripted", "builtin:demo")


def test_the_example_of_the_specification_is_read(tmp_path: Path) -> None:
    example = SPEC.read_text(encoding="utf-8").split("```yaml\ndefault: default\n")[1].split("```")[0]
    registry = ProfileRegistry([write(tmp_path, "default: default\n" + example)])
    assert registry.slugs == ("default", "mine", "locked", "gpt", "agent")
    assert registry.default == "default"
    assert registry.get("mine").script == str(tmp_path / "weather.yaml")
    assert registry.get("default").script == "builtin:demo"
    assert registry.get("mine").tools == ("get_weather",)
    assert not registry.get("locked").allow_overrides


def test_toml_says_the_same_as_yaml(tmp_path: Path) -> None:
    toml = (
        'default = "b"\n[[profiles]]\nslug = "b"\ntools = ["x"]\nscript = "../b.yaml"\n[profiles.options]\nseed = 1\n'
    )
    yaml = "default: b\nprofiles:\n  - {slug: b, tools: [x], script: ../b.yaml, options: {seed: 1}}\n"
    read = [read_profiles(write(tmp_path, toml, "p.toml")), read_profiles(write(tmp_path, yaml, "p.yaml"))]
    assert read[0].profiles == read[1].profiles
    assert read[0].profiles[0].script == str(tmp_path.parent / "b.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "profiles:\n  - slug: a\n    titel: A\n",
            f"profiles.yaml:3: profiles[0].titel: expected one of {', '.join(Profile.__struct_fields__)}, "
            "got an unknown key",
        ),
        (
            "default: a\nprofile: []\n",
            "profiles.yaml:2: profile: expected one of default, profiles, got an unknown key",
        ),
        (
            "profiles:\n  - slug: a\n  - slug: b\n  - slug: a\n",
            "profiles.yaml:4: profiles[2].slug: expected each slug once, got 'a' in profiles[0] too",
        ),
        (
            "profiles:\n  - slug: a b\n",
            "profiles.yaml:2: profiles[0].slug: expected 1-64 characters of A-Z a-z 0-9 . _ -, got 'a b'",
        ),
        (
            "profiles:\n  - slug: a\n    on_busy: wait\n",
            "profiles.yaml:3: profiles[0].on_busy: expected queue, reject, replace, steer, got 'wait'",
        ),
        (
            "profiles:\n  - slug: a\n    approvals:\n      rm: sometimes\n",
            "profiles.yaml:3: profiles[0].approvals: expected never or always for 'rm', got 'sometimes'",
        ),
        (
            "profiles:\n  - slug: a\n    approvals: [rm]\n",
            "profiles.yaml:3: profiles[0].approvals: expected object, got array",
        ),
        (
            "profiles:\n  - slug: a\n    engine: ' '\n",
            "profiles.yaml:3: profiles[0].engine: expected an engine's name or module:object, got an empty text",
        ),
        ("profiles:\n  - slug: a\ndefault: b\n", "profiles.yaml:3: default: expected one of a, got 'b'"),
        ("profiles:\n  - title: a\n", "profiles.yaml:2: profiles[0]: expected the key 'slug', got none"),
    ],
)
def test_a_profile_that_cannot_be_used_is_told_with_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    assert problem(tmp_path, text) == message


def test_a_toml_profile_that_cannot_be_used_is_told_with_its_line(tmp_path: Path) -> None:
    text = '[[profiles]]\nslug = "a"\n\n[[profiles]]\nslug = "b"\nallow_overrides = "no"\n'
    assert problem(tmp_path, text, "p.toml") == "p.toml:6: profiles[1].allow_overrides: expected bool, got str"


def test_a_key_written_where_its_name_belongs_is_not_shown(tmp_path: Path) -> None:
    found = problem(tmp_path, "profiles:\n  - {slug: a, api_key_env: sk-abc-123}\n")
    assert found.startswith("profiles.yaml:2: profiles[0].api_key_env: expected the name of an environment variable")
    assert "sk-abc" not in found


def test_the_later_file_wins_by_slug_and_by_default(tmp_path: Path) -> None:
    first = write(tmp_path, "default: a\nprofiles: [{slug: a, title: one}, {slug: b}]", "1.yaml")
    second = write(tmp_path, "default: c\nprofiles: [{slug: a, title: two}, {slug: c}]", "2.yaml")
    registry = ProfileRegistry([first, str(second)])
    assert registry.slugs == ("a", "b", "c")
    assert registry.get("a").title == "two"
    assert registry.default == "c"


def test_settings_lie_on_top_of_files(tmp_path: Path) -> None:
    path = write(tmp_path, "default: a\nprofiles: [{slug: a}, {slug: b}]")
    registry = ProfileRegistry([path], data={"profiles": [{"slug": "b", "title": "B"}]}, default="b")
    assert (registry.default, registry.get().title) == ("b", "B")


def test_a_setting_that_cannot_be_used_is_told_by_its_name() -> None:
    with pytest.raises(ConfigError, match=r"^profiles setting: profiles\[0\]\.slug: expected str, got int$"):
        ProfileRegistry(data={"profiles": [{"slug": 1}]})
    with pytest.raises(ConfigError, match=r"^default_profile setting: expected one of default, got 'x'$"):
        ProfileRegistry(default="x")


@pytest.mark.parametrize(("slugs", "default"), [("x, default", "default"), ("x, y", "x")])
def test_the_default_that_nobody_named_is_default_or_the_first(tmp_path: Path, slugs: str, default: str) -> None:
    listed = ", ".join(f"{{slug: {slug}}}" for slug in slugs.split(", "))
    assert ProfileRegistry([write(tmp_path, f"profiles: [{listed}]")]).default == default


def test_an_unknown_profile_is_told_with_the_known_ones() -> None:
    registry = ProfileRegistry()
    registry.register(Profile(slug="mine"))
    with pytest.raises(UnknownProfileError, match=r"^no profile 'nine'; known: default, mine$"):
        registry.get("nine")


def test_a_profile_from_python_lies_on_top_and_may_be_registered_again(tmp_path: Path) -> None:
    registry = ProfileRegistry([write(tmp_path, "profiles: [{slug: a, title: file}]")], data={"profiles": []})
    registry.register(Profile(slug="a", title="python"), is_default=True)
    registry.register(Profile(slug="a", title="again"))
    assert (registry.get("a").title, registry.default) == ("again", "a")


def test_a_profile_from_python_is_checked_and_changes_nothing_when_wrong() -> None:
    registry = ProfileRegistry()
    with pytest.raises(ConfigError, match=r"^profile 'a/b': slug: expected"):
        registry.register(Profile(slug="a/b"))
    assert registry.slugs == ("default",)


def test_a_script_from_python_does_not_move_with_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registry = ProfileRegistry(data={"profiles": [{"slug": "b", "script": "b.yaml"}]})
    registry.register(Profile(slug="a", script="a.yaml"))
    monkeypatch.chdir(tmp_path.parent)
    assert registry.get("a").script == str(tmp_path / "a.yaml")
    assert registry.get("b").script == str(tmp_path / "b.yaml")
