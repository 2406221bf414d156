"""Components of the pages."""

from __future__ import annotations

from django.template.loader import render_to_string


def test_without_messages_their_box_is_empty_for_the_style_sheet() -> None:
    assert 'role="status"></div>' in render_to_string("components/messages.html", {"messages": []})
