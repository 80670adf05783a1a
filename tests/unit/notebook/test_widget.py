from __future__ import annotations

from typing import Any

import pytest
import traitlets
from IPython.core.interactiveshell import InteractiveShell

import webchat_nb
from webchat_nb.errors import InvalidIdError
from webchat_nb.notebook.conversation import conversation_id
from webchat_nb.notebook.widget import ChatWidget

NOTEBOOK = {"JPY_SESSION_NAME": "/home/ann/My Notebook (1).ipynb"}


def own(**more: Any) -> str:
    return conversation_id(None, **{"profile": "default", "environ": NOTEBOOK, **more})


def test_a_notebook_has_a_conversation_of_its_own_that_stays_the_same() -> None:
    assert own() == own()
    assert own().startswith("nb-My-Notebook-1-default-")
    others = {
        own(),
        own(profile="gpt"),
        own(name="second"),
        own(environ={"JPY_SESSION_NAME": "other/My Notebook (1).ipynb"}),
    }
    assert len(others) == 4


def test_any_notebook_name_makes_an_id() -> None:
    for name in ("笔记.ipynb", "." * 300 + ".ipynb", "x" * 500 + ".ipynb", "///"):
        assert len(own(environ={"JPY_SESSION_NAME": name}, name="é" * 50)) <= 128


def test_a_conversation_can_be_fresh_or_named() -> None:
    assert conversation_id("new", profile="default") != conversation_id("new", profile="default")
    assert conversation_id("team:1", profile="default") == "team:1"
    with pytest.raises(InvalidIdError, match="got 'a/b'"):
        conversation_id("a/b", profile="default")


@pytest.mark.rule("MG4")
def test_a_widget_carries_ids_and_looks_only() -> None:
    widget = ChatWidget(profile="default", conversation="c1", height=300)
    state = {key: value for key, value in widget.get_state().items() if not key.startswith("_")}
    assert state.keys() <= {"conversation", "profile", "height", "placeholder", "layout", "tabbable", "tooltip"}
    assert (state["conversation"], state["profile"], state["height"]) == ("c1", "default", 300)
    with pytest.raises(traitlets.TraitError):
        widget.conversation = "c2"
    with pytest.raises(traitlets.TraitError):
        widget.height = 10


def test_a_place_that_cannot_show_widgets_gets_a_sentence() -> None:
    data, _ = ChatWidget(conversation="c1")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "conversation c1" in data["text/plain"]
    assert "<p><em>" in data["text/html"]


def test_the_extension_brings_its_magics_and_takes_them_away() -> None:
    shell = InteractiveShell()
    webchat_nb.load_ipython_extension(shell)
    webchat_nb.load_ipython_extension(shell)
    widget = shell.run_line_magic("chat", "other --conversation c9")
    assert (widget.profile, widget.conversation) == ("other", "c9")
    webchat_nb.unload_ipython_extension(shell)
    assert shell.find_line_magic("chat") is None


def test_the_face_has_few_names() -> None:
    assert len(webchat_nb.__all__) <= 15
    assert all(getattr(webchat_nb, name) is not None for name in webchat_nb.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = webchat_nb.nothing
