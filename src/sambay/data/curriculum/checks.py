"""Checking what was said: the inverse operation, a friend's claim, the first wrong line of a worked chain.

A slip is one column that is wrong, with the result that follows from it; what comes after goes on from that result.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .check_phrases import CHAINS, CHECKS, CLAIMS, HELD_OUT_CHAINS, HELD_OUT_CHECKS, HELD_OUT_CLAIMS, SUMS
from .follow_ups import asked, worked_reply
from .problem import Split, split_of
from .small_talk import typed
from .working import Work

_PLACES = ("ones", "tens", "hundreds", "thousands", "ten thousands", "hundred thousands", "millions")
_MOST_DRAWS = 2_000


@dataclass(frozen=True)
class Step:
    """One operation on what there is so far: sign is + - or *."""

    sign: str
    number: int

    def work(self, work: Work, value: int) -> int:
        """The value after it, written into the work: always one line."""
        if self.sign == "+":
            return work.add(value, self.number)
        return work.subtract(value, self.number) if self.sign == "-" else work.multiply(value, self.number)

    @property
    def words(self) -> str:
        return {"+": f"add {self.number}", "-": f"subtract {self.number}", "*": f"multiply by {self.number}"}[self.sign]


@dataclass(frozen=True)
class Check:
    """Two exchanges: something worked out or claimed, and its check. has_slip: the first reply is wrong, not to be
    learnt."""

    question: str
    first_reply: str
    first_answer: str
    request: str
    second_reply: str
    answer: str
    has_slip: bool


def draw_step(random: Random, value: int, level: int) -> Step:
    """A step from a value that keeps it from 1 to six digits."""
    signs = [sign for sign, fits in (("+", True), ("-", value > 20), ("*", value < 10_000)) if fits]
    sign = random.choice(signs)
    if sign == "*":
        return Step(sign, random.randint(2, 9))
    most = 10 ** min(level + 1, 4)
    return Step(sign, random.randint(2, most if sign == "+" else min(most, value - 1)))


def slipped(random: Random, line: str) -> tuple[str, int]:
    """A true line of work with one column wrong, and the result it leads to.

    The column's carry stays as it was, so that all other columns stay as they were.
    """
    head, columns, value = _parsed(line)
    if not columns:
        wrong = value + random.choice([delta for delta in (-10, -2, -1, 1, 2, 10) if value + delta > 0])
        return f"{head}={wrong}", wrong
    place = random.randrange(len(columns))
    expression, _, result = columns[place].partition("=")
    unit = int(result) % 10
    is_first = place == len(columns) - 1  # the leading digit must not vanish
    units = [digit for digit in range(10) if digit != unit and (digit or int(result) >= 10 or not is_first)]
    near = [digit for digit in units if abs(digit - unit) == 1] or units
    digit = random.choice(near)
    if digit - unit == -1 and expression.endswith("+1") and expression.count("+") > 1:
        expression = expression.removesuffix("+1")  # the carry forgotten
    columns[place] = f"{expression}={int(result) - unit + digit}"
    wrong = value + (digit - unit) * 10**place
    return f"{head}: {', '.join(columns)}, so {wrong}", wrong


def _parsed(line: str) -> tuple[str, list[str], int]:
    """What is worked out, its columns if it has any, its value."""
    if ": " not in line:
        head, _, value = line.partition("=")
        return head, [], int(value)
    head, _, rest = line.partition(": ")
    *columns, end = rest.split(", ")
    return head, columns, int(end.removeprefix("so "))


# --- The answer to a sum, difference or product, checked by the inverse operation ------------------------------------


def draw_inverse_check(random: Random, level: int, split: Split, is_wording_held_out: bool) -> Check:
    """Worked out, right or with a slip, then checked."""
    a, step = _draw_operation(random, level, split, "inverse")
    work = Work()
    value = step.work(work, a)
    has_slip = random.random() < 0.5
    lines, found = work.lines, value
    if has_slip:
        line, found = slipped(random, lines[0])
        lines = [line]
    check, sign = Work(), step.sign
    if sign == "*":
        back, rest = check.divide(found, step.number)
    else:
        back, rest = (check.subtract if sign == "+" else check.add)(found, step.number), 0
    is_right = back == a and not rest
    assert is_right is not has_slip
    if is_right:
        check.say(f"{a} is the first number, so {found} is right")
        closing = f"Yes, it is right. The answer is \\boxed{{{value}}}."
    else:
        check.say(f"remainder {rest}, so {found} is wrong" if rest else f"{back} is not {a}, so {found} is wrong")
        step.work(check, a)
        closing = f"I made a mistake. The answer is \\boxed{{{value}}}."
    expression = random.choice(("{a}{s}{n}", "{a} {s} {n}")).format(a=a, s=sign, n=step.number)
    question = typed(random, random.choice(SUMS).format(expression=expression))
    first = worked_reply(lines, f"The answer is \\boxed{{{found}}}.")
    request = _request(random, is_wording_held_out)
    return Check(question, first, str(found), request, worked_reply(check.lines, closing), str(value), has_slip)


# --- Someone's claim -------------------------------------------------------------------------------------------------


def draw_claim(random: Random, level: int, split: Split, is_wording_held_out: bool) -> tuple[str, str, str]:
    """The question whether a claim is right, the reply, and the right value."""
    a, step = _draw_operation(random, level, split, "claim")
    work = Work()
    value = step.work(work, a)
    claimed = value if random.random() < 0.5 else slipped(random, work.lines[0])[1]
    if claimed == value:
        work.say(f"{value} is {claimed}, so right")
        closing = f"Yes, that is right: it is \\boxed{{{value}}}."
    else:
        place = _first_difference(value, claimed)
        work.say(f"{value} is not {claimed}, wrong in the {place}, so {value}")
        closing = f"No, the {place} are wrong: it is \\boxed{{{value}}}."
    spaced = random.choice(("{a}{s}{n}{e}{v}", "{a} {s} {n} {e} {v}"))
    claim = spaced.format(a=a, s=step.sign, n=step.number, e="=", v=claimed)
    claims = HELD_OUT_CLAIMS if is_wording_held_out else CLAIMS
    return typed(random, random.choice(claims).format(claim=claim)), worked_reply(work.lines, closing), str(value)


def _first_difference(value: int, claimed: int) -> str:
    """The lowest place in which two numbers differ."""
    place = 0
    while value % 10 == claimed % 10:
        value, claimed, place = value // 10, claimed // 10, place + 1
    return _PLACES[place]


def _draw_operation(random: Random, level: int, split: Split, kind: str) -> tuple[int, Step]:
    for _ in range(_MOST_DRAWS):
        a = random.randint(10, 10 ** (level + 1))
        step = draw_step(random, a, level)
        if split_of(kind, {"a": a, "sign": step.sign, "n": step.number}) is split:
            return a, step
    raise RuntimeError(f"{kind}: no {split.value} operation of level {level} in {_MOST_DRAWS} draws")


# --- A chain of steps, of which one may be wrong ---------------------------------------------------------------------


def draw_chain_check(random: Random, level: int, split: Split, is_wording_held_out: bool) -> Check:
    """A chain worked out, right or with a slip, then gone through line by line."""
    start, steps = _draw_chain(random, level, split)
    lines, found, slip = _worked_chain(random, start, steps)
    check, value = Work(), start
    said = [_parsed(line)[2] for line in lines]
    for place, step in enumerate(steps):
        value = step.work(check, value)
        if slip is None or place < slip:
            check.say(f"line {place + 1}: {value}, right")
        elif place == slip:
            check.say(f"line {place + 1}: {said[place]} is not {value}, wrong")
    if slip is None:
        closing = f"All lines are right. The answer is \\boxed{{{value}}}."
    else:
        check.say(f"so {value}")
        closing = f"Line {slip + 1} was wrong. The answer is \\boxed{{{value}}}."
    words = [step.words for step in steps]
    slots = {"start": start, "steps": ", ".join(words[:-1]) + random.choice((", then ", " and ")) + words[-1]}
    question = typed(random, random.choice(HELD_OUT_CHAINS if is_wording_held_out else CHAINS).format(**slots))
    first = worked_reply(lines, f"The answer is \\boxed{{{found}}}.")
    request, reply = _request(random, is_wording_held_out), worked_reply(check.lines, closing)
    return Check(question, first, str(found), request, reply, str(value), slip is not None)


def _draw_chain(random: Random, level: int, split: Split) -> tuple[int, list[Step]]:
    for _ in range(_MOST_DRAWS):
        start = value = random.randint(10, 10 ** (1 + min(level, 2)))
        steps = []
        for _ in range(random.randint(2, 2 + min(level, 2))):
            step = draw_step(random, value, min(level, 2))
            value = step.work(Work(), value)
            steps.append(step)
        if split_of("chain", {"start": start, "steps": steps}) is split:
            return start, steps
    raise RuntimeError(f"chain: no {split.value} chain of level {level} in {_MOST_DRAWS} draws")


def _worked_chain(random: Random, start: int, steps: list[Step]) -> tuple[list[str], int, int | None]:
    """The lines, the value they lead to, and which of them is wrong, if any; no line leads below 1."""
    slip = random.randrange(len(steps)) if random.random() < 0.5 else None
    work, value = Work(), start
    for place, step in enumerate(steps):
        value = step.work(work, value)
        if place == slip:
            work.lines[-1], value = slipped(random, work.lines[-1])
        if value < 1:
            return _worked_chain(random, start, steps)
    return work.lines, value, slip


def _request(random: Random, is_wording_held_out: bool) -> str:
    return asked(random, random.choice(HELD_OUT_CHECKS if is_wording_held_out else CHECKS))
