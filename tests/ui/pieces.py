"""Pieces of pages taken apart, and a text that must stay text in them."""

from __future__ import annotations

from html.parser import HTMLParser

ATTACK = '<img src=x onerror="alert(1)">'


class Tags(HTMLParser):
    """The tags of a piece and its text."""

    def __init__(self, piece: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(piece)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def count(self, name: str) -> int:
        return sum(tag == name for tag, _ in self.tags)
