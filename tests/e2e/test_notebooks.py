"""The notebooks that are shipped do what they say, for somebody who opens them and runs all cells."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk
from tests.e2e.jupyter import ROOT, JupyterServer


@pytest.mark.rule("TL2")
@pytest.mark.rule("TL6")
@pytest.mark.rule("EN9")
def test_the_notebook_about_tools_waits_for_a_person_over_a_reload(desk: Desk, lab: JupyterServer) -> None:
    name = "01_tools.ipynb"
    shutil.copy(ROOT / "notebooks" / name, lab.notebooks / name)
    notebook = desk.open(lab, name=name)
    notebook.run_all()
    chat = notebook.chat()
    chat.wait_live()
    chat.send("bread")
    approve = chat.root.locator('[data-webchat="approve"]')
    expect(approve).to_be_visible()
    desk.shoot(chat, "waiting")
    notebook.save()
    notebook.reload()
    chat = notebook.chat()
    chat.wait_live()
    chat.root.locator('[data-webchat="approve"]').click()
    chat.wait_settled(runs=1)
    chat.wait_text("9.99")
    expect(chat.entities("ChatApproval")).to_have_count(1)
    expect(chat.entities("ChatToolCall")).to_have_count(2)
    assert chat.run_statuses() == ["finished"]
    desk.shoot(chat, "done")
