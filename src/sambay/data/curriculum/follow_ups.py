"""Questions that go on from the last answer, such as "now double it", worked with the usual written forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .follow_up_phrases import HELD_OUT_PHRASES, PHRASES
from .problem import Split, split_of
from .small_talk import typed
from .working import Work

MOST_BEFORE = 10_000  # larger answers are not gone on from
_MOST_DRAWS = 2_000
_OPENINGS = (
    "",
    "",
    "",
    "now ",
    "and ",
    "ok, ",
    "OK, now ",
    "thanks. ",
    "Good. ",
    "then ",
    "next: ",
    "please, ",
    "Great! ",
)
_PARTS = {50: 2, 25: 4, 20: 5, 10: 10, 5: 20, 1: 100}  # what percentage is one part of how many


@dataclass(frozen=True)
class FollowUp:
    """A question about the answer before, its thought and its own answer."""

    kind: str
    question: str
    steps: tuple[str, ...]
    answer: str

    @property
    def reply(self) -> str:
        """The assistant's message."""
        return worked_reply(self.steps, f"The answer is \\boxed{{{self.answer}}}.")


def worked_reply(steps: tuple[str, ...] | list[str], closing: str) -> str:
    """A thought and a sentence, as problems have them."""
    thought = "\n".join(steps)
    return f"<think>\n{thought}\n</think>\n\n{closing}"


def draw_follow_up(
    random: Random, before: int, split: Split = Split.TRAIN, *, is_wording_held_out: bool = False
) -> FollowUp | None:
    """A follow-up to an answer, of the split that its kind and numbers are of; None if none was found.

    A number times seven is the same arithmetic whatever came before it, so it is on one side of the split for ever.
    """
    for _ in range(_MOST_DRAWS):
        kind = random.choice(KINDS)
        n = _KINDS[kind].draw(random, before)
        if n is None or split_of("follow_up", {"kind": kind, "before": before, "n": n}) is not split:
            continue
        work = Work()
        work.say(f"last answer {before}")
        answer = _KINDS[kind].solve(work, before, n)
        phrases = HELD_OUT_PHRASES[kind] if is_wording_held_out else PHRASES[kind]
        return FollowUp(kind, asked(random, random.choice(phrases).format(n=n)), tuple(work.lines), answer)
    return None


def explained(random: Random, steps: tuple[str, ...], answer: str, is_wording_held_out: bool) -> FollowUp:
    """The steps again, on request, as the text of the reply."""
    phrases = HELD_OUT_PHRASES["explain"] if is_wording_held_out else PHRASES["explain"]
    return FollowUp("explain", asked(random, random.choice(phrases)), steps, answer)


def asked(random: Random, phrase: str) -> str:
    """A phrase as a message: perhaps with an opening, a capital and a mark."""
    opening = random.choice(_OPENINGS)
    if phrase.startswith(("now ", "and ", "then ")) or not phrase[0].isalpha():
        opening = ""
    text = opening + phrase
    if random.random() < 0.6:
        text = text[0].upper() + text[1:]
    if text[-1] != "?" and random.random() < 0.5:
        text += "."
    return typed(random, text)


def _number(random: Random, before: int) -> int:
    """About as long as the answer before, or shorter."""
    return random.randint(1, min(999, max(20, abs(before))))


def _two(_: Random, before: int) -> int | None:
    return 2 if abs(before) < MOST_BEFORE else None


def _two_if_small(_: Random, before: int) -> int | None:
    return 2 if abs(before) < 100 else None


def _two_if_even(_: Random, before: int) -> int | None:
    return 2 if before > 0 and before % 2 == 0 else None


def _draw_times(random: Random, before: int) -> int | None:
    return random.randint(3, 12) if abs(before) < MOST_BEFORE else None


def _draw_divisor(random: Random, before: int) -> int | None:
    n = random.randint(3, 12)
    return n if before > 0 and before % n == 0 else None


def _draw_percentage(random: Random, before: int) -> int | None:
    n = random.choice(tuple(_PARTS))
    return n if before > 0 and before % _PARTS[n] == 0 else None


def _draw_modulus(random: Random, before: int) -> int | None:
    return random.randint(2, 12) if before > 0 else None


def _draw_bound(random: Random, before: int) -> int | None:
    n = before + random.choice((-1, 1)) * random.randint(1, max(10, abs(before) // 2))
    return n if before >= 0 and n > 0 else None


def _times(work: Work, before: int, n: int) -> str:
    return str(work.multiply(before, n))


def _power(work: Work, before: int, n: int) -> str:
    return str(work.power(before, n))


def _parts(work: Work, before: int, num_parts: int) -> str:
    return str(work.quotient(before, num_parts))


def _percentage(work: Work, before: int, n: int) -> str:
    work.say(f"{n}% is 1/{_PARTS[n]}")
    return _parts(work, before, _PARTS[n])


def _parity(work: Work, before: int, n: int) -> str:
    is_even = before % n == 0
    answer = "yes" if is_even else "no"
    work.say(f"the last digit {abs(before) % 10} is {'even' if is_even else 'odd'}, so {answer}")
    return answer


def _compared(work: Work, before: int, n: int) -> str:
    answer = "yes" if before > n else "no"
    work.say(f"{before}{'>' if before > n else '<'}{n}, so {answer}")
    return answer


@dataclass(frozen=True)
class _Kind:
    """draw(random, before): the number to ask with, None if the kind does not fit. solve: the answer."""

    draw: Callable[[Random, int], int | None]
    solve: Callable[[Work, int, int], str]


_KINDS = {
    "double": _Kind(_two, _times),
    "times": _Kind(_draw_times, _times),
    "add": _Kind(_number, lambda work, before, n: str(work.add(before, n))),
    "subtract": _Kind(_number, lambda work, before, n: str(work.subtract(before, n))),
    "half": _Kind(_two_if_even, _parts),
    "divide": _Kind(_draw_divisor, _parts),
    "percent": _Kind(_draw_percentage, _percentage),
    "remainder": _Kind(_draw_modulus, lambda work, before, n: str(work.divide(before, n)[1])),
    "even": _Kind(_two, _parity),
    "greater": _Kind(_draw_bound, _compared),
    "square": _Kind(_two_if_small, _power),
}
KINDS = tuple(_KINDS)
