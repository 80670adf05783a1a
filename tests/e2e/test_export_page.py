"""The exported page in a real browser: it loads nothing, runs nothing, and can be read in any light and width."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.unit.chat.everything import CODE, HOSTILE, PNG, PROMPT
from webchat_nb.chat.exports.document import ExportDocument, ExportedAttachment, ExportedEntity
from webchat_nb.chat.exports.to_html import to_html

BACKGROUND = "getComputedStyle(document.documentElement).backgroundColor"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    said = [
        {"role": "user", "content": PROMPT, "attachments": [{"attachmentId": "a"}]},
        {"role": "thinking", "content": "Hm. " + HOSTILE},
        {"role": "assistant", "content": CODE},
        {"role": "assistant", "content": HOSTILE + "\n\n```\n" + "x" * 400 + "\n```\n\n" + "y" * 400},
    ]
    call = {"toolName": "get_weather", "input": '{"city": "' + "Z" * 300 + '"}', "status": "failed", "error": "no"}
    document = ExportDocument(
        session_id="c1",
        title="</title><script>alert(0)</script>",
        profile="default",
        created_at_ms=0,
        updated_at_ms=0,
        exported_at_ms=0,
        entities=[
            *(ExportedEntity(kind="ChatMessage", id=f"m{n}", payload=payload) for n, payload in enumerate(said)),
            ExportedEntity(kind="ChatToolCall", id="t", payload=call),
        ],
        attachments=[ExportedAttachment(attachment_id="a", media_type="image/png", filename='"><b', data=PNG)],
    )
    path = tmp_path_factory.mktemp("export") / "page.html"
    path.write_bytes(to_html(document))
    return path


@pytest.mark.rule("EX5", "RD1")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_is_whole_in_itself(browser: Browser, page_file: Path, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_file.as_uri())
    for fold in page.locator("summary").all():
        fold.click()
    assert page.locator("details:not([open])").count() == 0
    assert asked == [page_file.as_uri()] and said == []
    assert page.evaluate("document.querySelector('img').naturalWidth") == 240
    assert page.locator(".prompt .text").inner_text() == PROMPT
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    light = sum(int(part) for part in page.evaluate(BACKGROUND)[4:-1].split(","))
    assert (light > 600) == (scheme == "light")
    assert page.evaluate("document.querySelectorAll('script, iframe, form, [onclick], [onerror], [style]').length") == 0
    context.close()
