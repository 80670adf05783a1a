"""Tables and images that tools give, as a person sees them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.asking import LONG_NUMBER
from tests.e2e.chats import EVERYWHERE, Chats, Place


@EVERYWHERE
@pytest.mark.rule("TL3", "AT1")
def test_a_table_and_an_image_are_shown_in_boxes_of_their_own(chats: Chats, place: Place) -> None:
    chat = chats.open(place)
    chat.send("sales")
    chat.wait_settled(runs=1)
    table = chat.root.get_by_role("region", name="Table")
    expect(table.get_by_role("row")).to_have_count(201)
    expect(chat.entities("ChatToolResult")).to_contain_text("200 of 12,000 rows")
    head = table.get_by_role("columnheader", name="units")
    top = head.bounding_box()
    table.evaluate("(box) => box.scrollTo(0, 400)")
    assert head.bounding_box() == top  # it stays while the rows go by
    expect(head).to_have_css("text-align", "end")
    expect(table.get_by_role("cell", name=str(LONG_NUMBER), exact=True)).to_have_count(1)

    held: list[Route] = []
    chat.page.route("**/attachments/*", lambda route: held.append(route))
    chat.send("draw")
    chat.wait_settled(runs=2)
    box = chat.root.locator(".wcn-picture")
    before = box.bounding_box()
    [route] = held
    route.continue_()
    image = chat.root.get_by_role("img", name="Image from draw")
    expect(image).to_have_js_property("naturalWidth", 640)
    assert box.bounding_box() == before
    chats.desk.shoot(chat, place)

    chat.page.unroute("**/attachments/*")
    chat.page.route("**/attachments/*", lambda route: route.abort())
    chats.reload(chat)
    expect(chat.root.get_by_text("This image can't be loaded.")).to_be_visible()
