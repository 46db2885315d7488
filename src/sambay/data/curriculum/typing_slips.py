"""Questions as they are typed in haste: letters swapped, left out or doubled, no capitals, no full stop.

A learner who has seen each word in one spelling alone takes an unknown word for an unknown question. Only a wording's
own text is touched, never what its slots hold, and no word so short that another could be meant.
"""

from __future__ import annotations

import re
from random import Random

RATE = 0.12  # of the questions for training
_MAX_WORDS = 3  # misspelt in one question
_SLOT = re.compile(r"(\{[^{}]*\}|\{\{|\}\})")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]?[a-z]{4,}(?![A-Za-z])")  # neither LaTeX's commands nor CAPITALS
_CAPITAL = re.compile(r"(?<![\\A-Za-z])[A-Z](?=[a-z])")


def hasty(random: Random, wording: str) -> str:
    """The wording, at `RATE` with one kind of haste or several; its slots stay as they are."""
    if random.random() >= RATE:
        return wording
    parts = _SLOT.split(wording)
    is_lower, is_bare = random.random() < 0.5, random.random() < 0.5
    if is_lower:
        parts[::2] = [_CAPITAL.sub(lambda capital: capital[0].lower(), text) for text in parts[::2]]
    if is_bare:
        parts[-1] = parts[-1].rstrip(".?! ")
    words = [(place, word.span()) for place in range(0, len(parts), 2) for word in _WORD.finditer(parts[place])]
    num_slips = random.randint(0 if is_lower or is_bare else 1, _MAX_WORDS)
    for place, (begin, end) in sorted(random.sample(words, min(num_slips, len(words))), reverse=True):
        parts[place] = parts[place][:begin] + _misspelt(random, parts[place][begin:end]) + parts[place][end:]
    return "".join(parts)


def _misspelt(random: Random, word: str) -> str:
    at = random.randrange(1, len(word) - 1)  # neither the first letter nor, alone, the last
    kind = random.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + (word[at:at] if kind == 1 else word[at] * 2) + word[at + 1 :]
