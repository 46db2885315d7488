"""Conversations of several turns, and small talk: what is drawn how often, and which of it may be trained."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from . import FAMILIES
from .check_phrases import CHECKS, HELD_OUT_CHECKS
from .checks import Check, draw_chain_check, draw_claim, draw_inverse_check
from .conversation import Conversation, Turn
from .follow_ups import MOST_BEFORE, asked, draw_follow_up, explained, worked_reply
from .problem import TRAINED_LEVELS, Problem, Split, draw_problem, split_of
from .small_talk import SYSTEM_MESSAGES, TOPICS

NUM_TEST_DIALOGUES = 200
_MOST_DRAWS = 2_000
_MOST_FOLLOW_UPS = 3
_INTEGER = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Dialogue:
    """A conversation and, for each reply of the assistant, what is right to stand in its box; None where none is."""

    kind: str
    turns: Conversation
    answers: tuple[str | None, ...]


@dataclass
class _Draft:
    """A conversation that is being put together."""

    turns: list[Turn]
    answers: list[str | None]

    def exchange(self, question: str, reply: str, answer: str | None = None, *, has_loss: bool = True) -> None:
        self.turns += [Turn("user", question), Turn("assistant", reply, has_loss)]
        self.answers.append(answer)


@dataclass(frozen=True)
class _Setting:
    """What the draws of one dialogue share."""

    random: Random
    split: Split
    level_weights: Sequence[float]
    is_wording_held_out: bool

    def level(self) -> int:
        return self.random.choices(TRAINED_LEVELS, self.level_weights)[0]

    def problem(self, is_wanted: Callable[[Problem], bool] | None = None) -> Problem:
        """Of any family; perhaps only one that is wanted."""
        names = tuple(FAMILIES)
        for _ in range(_MOST_DRAWS):
            family = FAMILIES[self.random.choice(names)]
            problem = draw_problem(
                family, self.random, self.level(), self.split, is_wording_held_out=self.is_wording_held_out
            )
            if is_wanted is None or is_wanted(problem):
                return problem
        raise RuntimeError(f"no problem that fits in {_MOST_DRAWS} draws")


def draw_dialogue(
    random: Random,
    split: Split = Split.TRAIN,
    level_weights: Sequence[float] = (1.0, 1.0, 1.0),
    *,
    kind: str | None = None,
    is_wording_held_out: bool = False,
) -> Dialogue:
    """One conversation of a kind, by default of any; the same state of `random` gives the same one.

    Problems and follow-ups are each on their side of the split by a hash, and so is small talk by its words.
    Raises ValueError for an unknown kind, and for training on held-out wordings.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind={kind!r}: allowed are {', '.join(KINDS)}")
    if split is Split.TRAIN and is_wording_held_out:
        raise ValueError("held-out wordings are for tests: allowed is split='test'")
    if kind is None:
        kind = random.choices(tuple(KINDS), _WEIGHTS)[0]
    setting, draft = _Setting(random, split, level_weights, is_wording_held_out), _Draft([], [])
    if random.random() < 0.05:
        draft.turns.append(Turn("system", random.choice(SYSTEM_MESSAGES)))
    KINDS[kind](setting, draft)
    return Dialogue(kind, tuple(draft.turns), tuple(draft.answers))


def two_turn_test_dialogues(
    count: int = NUM_TEST_DIALOGUES, seed: int = 0, *, is_wording_held_out: bool = False
) -> list[Dialogue]:
    """Seeded dialogues of two questions, of which the second needs the first one's answer; none is ever trained.

    To examine a model, ask `turns[0]`, let it reply, ask `turns[2]`; `answers` are right.
    """
    dialogues = []
    for index in range(count):
        setting = _Setting(Random(f"two turns {seed} {index}"), Split.TEST, (1.0, 1.0, 1.0), is_wording_held_out)
        draft = _Draft([], [])
        while len(draft.answers) < 2:
            draft = _Draft([], [])
            problem = setting.problem(_has_integer_answer)
            draft.exchange(problem.question, problem.reply, problem.answer)
            _go_on(setting, draft, problem.answer)
        dialogues.append(Dialogue("follow-up", tuple(draft.turns), tuple(draft.answers)))
    return dialogues


# --- Kinds -----------------------------------------------------------------------------------------------------------


def _follow_up(setting: _Setting, draft: _Draft) -> None:
    """A problem, one to three questions that go on from its answer, perhaps a request to explain, perhaps thanks."""
    random = setting.random
    problem = setting.problem(_has_integer_answer)
    _worked(setting, draft, problem)
    steps, answer = problem.steps, problem.answer
    for _ in range(random.randint(1, _MOST_FOLLOW_UPS)):
        if random.random() < 0.12:
            why = explained(random, steps, answer, setting.is_wording_held_out)
            draft.exchange(why.question, explanation(why.steps, answer), answer)
        if not _can_go_on(answer):
            break
        found = _go_on(setting, draft, answer)
        if found is None:
            break
        steps, answer = found
    _perhaps_thanks(setting, draft)


def _several(setting: _Setting, draft: _Draft) -> None:
    """Problems that have nothing to do with each other, perhaps after a greeting."""
    if setting.random.random() < 0.3:
        _talk(setting, draft, setting.random.choice(("greeting", "abilities", "who", "unclear")))
    for _ in range(setting.random.randint(2, 3)):
        _worked(setting, draft, setting.problem())
    _perhaps_thanks(setting, draft)


def _recheck(setting: _Setting, draft: _Draft) -> None:
    """A problem of any family that takes several lines, checked by working it out again."""
    problem, random = setting.problem(lambda problem: len(problem.steps) > 1), setting.random
    draft.exchange(problem.question, problem.reply, problem.answer)
    request = asked(random, random.choice(HELD_OUT_CHECKS if setting.is_wording_held_out else CHECKS))
    lines = [*problem.steps, f"{problem.answer} again, right"]
    closing = f"Yes, it is right. The answer is \\boxed{{{problem.answer}}}."
    draft.exchange(request, worked_reply(lines, closing), problem.answer)


def _inverse_check(setting: _Setting, draft: _Draft) -> None:
    _add_check(setting, draft, draw_inverse_check)


def _chain_check(setting: _Setting, draft: _Draft) -> None:
    _add_check(setting, draft, draw_chain_check)


class _DrawCheck(Protocol):
    def __call__(self, random: Random, level: int, split: Split, is_wording_held_out: bool) -> Check: ...


def _add_check(setting: _Setting, draft: _Draft, draw: _DrawCheck) -> None:
    check = draw(setting.random, setting.level(), setting.split, setting.is_wording_held_out)
    right = check.first_answer if not check.has_slip else check.answer
    draft.exchange(check.question, check.first_reply, right, has_loss=not check.has_slip)
    draft.exchange(check.request, check.second_reply, check.answer)
    _perhaps_thanks(setting, draft)


def _claim(setting: _Setting, draft: _Draft) -> None:
    draft.exchange(*draw_claim(setting.random, setting.level(), setting.split, setting.is_wording_held_out))


def _small_talk(setting: _Setting, draft: _Draft) -> None:
    """One to three messages that are no problem, perhaps with a problem after them."""
    for _ in range(setting.random.choice((1, 1, 1, 2, 2, 3))):
        _talk(setting, draft, setting.random.choice(tuple(TOPICS)))
    if setting.random.random() < 0.3:
        _worked(setting, draft, setting.problem())


def _refusal(setting: _Setting, draft: _Draft) -> None:
    """What a maths model cannot know, alone or after a problem."""
    if setting.random.random() < 0.3:
        _worked(setting, draft, setting.problem())
    _talk(setting, draft, "unknowable")


KINDS: dict[str, Callable[[_Setting, _Draft], None]] = {
    "follow-up": _follow_up, "several": _several, "recheck": _recheck, "inverse-check": _inverse_check,
    "chain-check": _chain_check, "claim": _claim, "small-talk": _small_talk, "refusal": _refusal,
}  # fmt: skip
_WEIGHTS = (0.45, 0.1, 0.06, 0.08, 0.08, 0.1, 0.08, 0.05)


# --- Parts of them ---------------------------------------------------------------------------------------------------


def explanation(steps: Sequence[str], answer: str) -> str:
    """The steps as a reply of their own: without a thought, for that is what they are."""
    listed = "\n".join(steps)
    return f"Step by step:\n{listed}\nThe answer is \\boxed{{{answer}}}."


def _worked(setting: _Setting, draft: _Draft, problem: Problem) -> None:
    """A problem and its reply, at times without the thought, as programs send that do not keep thoughts.

    What follows must then do without the steps; the reply without a thought is not to be learnt.
    """
    if setting.random.random() < 0.2:
        draft.exchange(problem.question, problem.reply.rpartition("</think>\n\n")[2], problem.answer, has_loss=False)
    else:
        draft.exchange(problem.question, problem.reply, problem.answer)


def _go_on(setting: _Setting, draft: _Draft, answer: str) -> tuple[tuple[str, ...], str] | None:
    found = draw_follow_up(
        setting.random, int(answer), setting.split, is_wording_held_out=setting.is_wording_held_out
    )  # fmt: skip
    if found is None:
        return None
    draft.exchange(found.question, found.reply, found.answer)
    return found.steps, found.answer


def _has_integer_answer(problem: Problem) -> bool:
    return _can_go_on(problem.answer)


def _can_go_on(answer: str) -> bool:
    return _INTEGER.fullmatch(answer) is not None and abs(int(answer)) < MOST_BEFORE


def _perhaps_thanks(setting: _Setting, draft: _Draft) -> None:
    if setting.random.random() < 0.1:
        _talk(setting, draft, setting.random.choice(("thanks", "goodbye")))


def _talk(setting: _Setting, draft: _Draft, topic: str) -> None:
    """A message of a topic, on this side of the split by its words, and its reply."""
    for _ in range(_MOST_DRAWS):
        message, reply = TOPICS[topic](setting.random)
        if split_of("small talk", {"message": re.sub(r"\W+", " ", message.lower()).strip()}) is setting.split:
            draft.exchange(message, reply)
            return
    raise RuntimeError(f"{topic}: no {setting.split.value} message in {_MOST_DRAWS} draws")
