"""Wordings from parts: each way of telling beside each way of asking, for training and held out of it."""

from __future__ import annotations

from collections.abc import Iterable

# `{}` is the thing asked for, such as "the area of the square".
_ASKING = (
    "What is {}?",
    "Find {}.",
    "Calculate {}.",
    "Determine {}.",
    "Work out {}.",
    "Please compute {}.",
    "Tell me {}.",
    "I need {}.",
)
_ASKING_HELD_OUT = (
    "Could you find this for me: {}?",
    "I would like to know {}.",
    "Can you get {}?",
    "Give {}.",
    "Show your work: {}.",
)


def asked(*things: str) -> tuple[str, ...]:
    """Eight questions for each thing."""
    return tuple(asking.replace("{}", thing) for thing in things for asking in _ASKING)


def asked_held_out(first: str, second: str) -> tuple[str, ...]:
    """Five questions for each of two things, in words that `asked` does not use."""
    return tuple(asking.replace("{}", thing) for thing in (first, second) for asking in _ASKING_HELD_OUT)


def crossed(tellings: Iterable[str], askings: Iterable[str]) -> tuple[str, ...]:
    """Every telling followed by every asking."""
    askings = tuple(askings)
    return tuple(f"{telling} {asking}" for telling in tellings for asking in askings)
