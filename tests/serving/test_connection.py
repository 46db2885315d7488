"""Events that are serialised once are the events that they stand for."""

import json

import pytest

from sambay.serving.connection import TextEvents, event

TEXTS = [
    "",
    "a",
    '"',
    "\\",
    "\n\r\t",
    "\x00\x01\x1f\x7f",
    "é✓😀",
    "\x85\u2028a\u2029",
    "</script>",
    '\x00"}],"usage":null}',
    "\ufffd",
]


@pytest.mark.parametrize("head", ["served", "a \x00 name", '"', "é"])
def test_an_event_is_the_one_that_was_serialised_whole(head):
    def make(text):
        return event({"model": head, "choices": [{"index": 1, "delta": {"content": text}}], "usage": None}, "chunk")

    events = TextEvents(make)
    for text in TEXTS:
        assert events.event(text) == make(text)
        assert len(events.event(text).decode().splitlines()) == 3, "a text that ends a line tears the event apart"
        assert json.loads(events.event(text).split(b"data: ")[1])["choices"][0]["delta"]["content"] == text
