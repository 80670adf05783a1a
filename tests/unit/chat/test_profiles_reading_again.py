from __future__ import annotations

import logging
import mmap
import os
from pathlib import Path

import pytest

from webchat_nb.chat.documents import Document
from webchat_nb.chat.profiles import ProfileRegistry
from webchat_nb.chat.watched_files import LOOK_INTERVAL_S, WatchedFile
from webchat_nb.errors import ConfigError, UnknownProfileError
from webchat_nb.testing.clock import ManualClock

FAR_PAST_NS = 1_000_000_000_000_000_000
"""In 2001: long before any clock of these tests."""


class Reader:
    """Counts how often the file's content is made into something."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, document: Document) -> object:
        self.count += 1
        if document.data == "broken":
            raise document.error((), "expected something else")
        return document.data


def age(path: Path) -> None:
    """Let the file look as if it had not changed for years."""
    os.utime(path, ns=(FAR_PAST_NS, FAR_PAST_NS))


@pytest.mark.rule("PF1")
def test_a_file_is_asked_for_at_most_once_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "f.yaml", ManualClock()
    path.write_text("old")
    file = WatchedFile(path, Reader(), clock)
    assert file.look()
    path.write_text("new")
    clock.jump(LOOK_INTERVAL_S / 2)
    assert (file.look(), file.value) == (False, "old")
    clock.jump(LOOK_INTERVAL_S / 2)
    assert (file.look(), file.value) == (True, "new")


@pytest.mark.rule("PF1")
def test_a_file_that_did_not_change_is_not_made_again(tmp_path: Path) -> None:
    path, clock, reader = tmp_path / "f.yaml", ManualClock(), Reader()
    path.write_text("same")
    file = WatchedFile(path, reader, clock)
    for _ in range(3):
        file.look()
        clock.jump(LOOK_INTERVAL_S)
    path.write_text("same")
    assert (file.look(), reader.count) == (False, 1)


@pytest.mark.rule("PF1")
def test_a_second_change_within_one_tick_of_the_file_system_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("one")
    with path.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        mapped[:] = b"one"  # writes through a page that is dirty already leave all of the file's times alone
        state = path.stat()
        clock = ManualClock(start_ms=state.st_mtime_ns // 1_000_000 + 1)
        file = WatchedFile(path, Reader(), clock)
        file.look()
        mapped[:] = b"two"
        assert path.stat().st_mtime_ns == state.st_mtime_ns
        clock.jump(LOOK_INTERVAL_S)
        assert (file.look(), file.value) == (True, "two")


@pytest.mark.rule("PF1")
def test_a_file_that_is_replaced_by_another_of_the_same_age_is_read_again(tmp_path: Path) -> None:
    path, other, clock = tmp_path / "f.yaml", tmp_path / "g.yaml", ManualClock()
    path.write_text("one")
    other.write_text("two")
    age(path)
    age(other)
    file = WatchedFile(path, Reader(), clock)
    file.look()
    other.replace(path)
    clock.jump(LOOK_INTERVAL_S)
    assert (file.look(), file.value) == (True, "two")


@pytest.mark.rule("PF1")
def test_a_broken_new_version_leaves_the_old_one_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = tmp_path / "f.yaml", ManualClock()
    path.write_text("good")
    file = WatchedFile(path, Reader(), clock)
    file.look()
    version = file.version
    path.write_text("broken")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            clock.jump(LOOK_INTERVAL_S)
            assert not file.look()
    assert (file.value, file.version) == ("good", version)
    assert file.problem == "f.yaml:1: expected something else"
    (line,) = caplog.messages
    assert line == f"{path}:1: expected something else; what was read of this file before stays in use"
    path.write_text("good")
    clock.jump(LOOK_INTERVAL_S)
    assert (file.look(), file.problem, file.version) == (False, None, version)


@pytest.mark.rule("PF1")
def test_a_file_that_is_gone_for_a_while_stays_in_use(tmp_path: Path) -> None:
    path, clock = tmp_path / "f.yaml", ManualClock()
    path.write_text("good")
    file = WatchedFile(path, Reader(), clock)
    file.look()
    path.unlink()
    clock.jump(LOOK_INTERVAL_S)
    assert (file.look(), file.value) == (False, "good")
    assert file.problem == "f.yaml: expected a readable file, got: No such file or directory"
    path.write_text("back")
    clock.jump(LOOK_INTERVAL_S)
    assert (file.look(), file.value, file.problem) == (True, "back", None)


def test_a_file_that_never_was_whole_has_no_value(tmp_path: Path) -> None:
    file = WatchedFile(tmp_path / "f.yaml", Reader(), ManualClock())
    assert not file.look()
    with pytest.raises(ConfigError, match="No such file"):
        _ = file.value


@pytest.mark.rule("PF1")
def test_changed_profiles_are_there_without_a_restart_and_keep_their_place_in_the_stack(tmp_path: Path) -> None:
    low, high, clock = tmp_path / "low.yaml", tmp_path / "high.toml", ManualClock()
    low.write_text("profiles: [{slug: a, title: old}, {slug: b, title: low}]")
    high.write_text('[[profiles]]\nslug = "b"\ntitle = "high"\n')
    registry = ProfileRegistry([low, high], clock=clock)
    low.write_text("default: c\nprofiles: [{slug: a, title: new}, {slug: b, title: low}, {slug: c}]")
    clock.jump(LOOK_INTERVAL_S)
    assert [(profile.slug, profile.title) for profile in registry] == [("a", "new"), ("b", "high"), ("c", "")]
    assert registry.default == "c"
    low.write_text("profiles: [{slug: a}]")
    clock.jump(LOOK_INTERVAL_S)
    with pytest.raises(UnknownProfileError):
        registry.get("c")


@pytest.mark.rule("PF1")
def test_a_broken_file_leaves_its_profiles_and_takes_the_changes_of_the_others(tmp_path: Path) -> None:
    one, two, clock = tmp_path / "one.yaml", tmp_path / "two.yaml", ManualClock()
    one.write_text("profiles: [{slug: a, title: old}]")
    two.write_text("profiles: [{slug: b, title: old}]")
    registry = ProfileRegistry([one, two], clock=clock)
    assert registry.problems == []
    one.write_text("profiles:\n  - slug: a\n    titel: new\n")
    two.write_text("profiles: [{slug: b, title: new}]")
    clock.jump(LOOK_INTERVAL_S)
    assert (registry.get("a").title, registry.get("b").title) == ("old", "new")
    (problem,) = registry.problems
    assert problem.startswith("one.yaml:3: profiles[0].titel: expected one of slug, title")


@pytest.mark.rule("PF1")
def test_files_that_do_not_fit_together_change_nothing_until_they_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, two, clock = tmp_path / "one.yaml", tmp_path / "two.yaml", ManualClock()
    one.write_text("profiles: [{slug: a}]")
    two.write_text("default: a\nprofiles: [{slug: b}]")
    registry = ProfileRegistry([one, two], clock=clock)
    one.write_text("profiles: [{slug: z}]")
    clock.jump(LOOK_INTERVAL_S)
    assert (registry.default, registry.slugs) == ("a", ("a", "b"))
    assert registry.problems == ["two.yaml:1: default: expected one of z, b, got 'a'"]
    assert caplog.messages == [f"{two}:1: default: expected one of z, b, got 'a'; the profiles stay as they were"]
    two.write_text("default: b\nprofiles: [{slug: b}]")
    clock.jump(LOOK_INTERVAL_S)
    assert (registry.default, registry.slugs, registry.problems) == ("b", ("z", "b"), [])


def test_the_working_directory_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.yaml").write_text("profiles: [{slug: a, script: s.yaml}]")
    clock = ManualClock()
    monkeypatch.chdir(tmp_path)
    registry = ProfileRegistry(["p.yaml"], clock=clock)
    monkeypatch.chdir("/")
    (tmp_path / "p.yaml").write_text("profiles: [{slug: b, script: s.yaml}]")
    clock.jump(LOOK_INTERVAL_S)
    assert registry.get("b").script == str(tmp_path / "s.yaml")
