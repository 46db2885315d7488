"""How a story is told in training: sentence after sentence or joined by commas, of him, of me, now or in the past."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from .story_operations import OPERATIONS, Numbers, spelt
from .story_sentences import Forms
from .story_voices import past, told_by_oneself

Happening = tuple[str, Numbers]
_CONNECTORS = (
    *("",) * 12,
    *("then ", "then ", "after that, ", "later, ", "next, ", "now ", "soon after, ", "the next day, ", "afterwards, "),
    *(
        "in the evening ",
        "a little later, ",
        "after lunch, ",
        "following that, ",
        "some time later, ",
        "on Tuesday ",
        "and ",
    ),
)
_ENDS = (" and ", " and ", " and ", ", and ", ", then ", " and then ")
_LAST_ENDS = (*_ENDS, ", and finally ", ", and in the end ")
_LINKS = (", ", ", ", ", ", ", ", ", then ", " and ")
_AT_THE_START = (
    "at the start ",
    "at first ",
    "before all this, ",
    "to begin with, ",
    "in the beginning ",
    "originally, ",
)
_ONESELF = (
    *({"I": "I", "my": "my", "me": "me"},) * 3,
    *({"I": "you", "my": "your", "me": "you"}, {"I": "we", "my": "our", "me": "us"}),
)
_VOICES = ("he", "he", "he", "he", "he past", "he past", "oneself", "oneself past")
_STARTS = re.compile(r"(\{name\}|\{I\}) (had|owned|kept)|there were")
_NAMES_THE_THING = re.compile(r"\{thing|\$|dollar|money|litre|water|people|passenger|point|collection")


class Clause(NamedTuple):
    """A sentence without its full stop, and whether the person it is about is its subject."""

    text: str
    is_of_person: bool


class Voice(NamedTuple):
    """The sentences of a kind in one voice: all, and those that commas can join to others."""

    every: tuple[str, ...]
    joinable: tuple[str, ...]


def in_voices(setting: Mapping[str, Forms]) -> dict[str, dict[str, Voice]]:
    """The trained sentences of each kind, told in each voice; questions are never in the past."""
    told: dict[str, dict[str, Voice]] = {voice: {} for voice in set(_VOICES)}
    for kind, forms in setting.items():
        is_question = kind not in OPERATIONS and kind != "opening"
        then = forms.trained if is_question else tuple(filter(None, map(past, forms.trained)))
        for tense, sentences in {"he": forms.trained, "he past": then}.items():
            of_oneself = tuple(filter(None, map(told_by_oneself, sentences)))
            told[tense][kind] = _voice(sentences or forms.trained)
            told[tense.replace("he", "oneself")][kind] = _voice(of_oneself or forms.trained)
    for voice, kinds in told.items():
        openings = told[voice.removesuffix(" past") + " past"]["opening"].every
        at_the_start = tuple(filter(_STARTS.match, openings))
        kinds["start"] = _voice(at_the_start or openings)
    return told


def _voice(sentences: tuple[str, ...]) -> Voice:
    joinable = tuple(sentence for sentence in sentences if not set(",;:") & set(sentence))
    return Voice(sentences, joinable or sentences)


def tell(
    random: Random, voices: Mapping[str, Mapping[str, Voice]], scenery: Mapping[str, str], story: Sequence[Happening]
) -> dict[str, str]:
    """The slots {before} and {after} around {start}, {one_before} and {one_after} of the story in one sentence, and
    the question: {asked}, {asked_small}, and {asked_first} for before the story. The story's last part is asked."""
    sentences = voices[random.choice(_VOICES)]
    slots = {**scenery, **random.choice(_ONESELF)}
    has_aside = any(kind == "aside" for kind, _ in story)
    happened, (asked, numbers) = story[:-1], story[-1]
    opening = _clause(random, sentences["opening"].every, slots | {"start": "|"})
    clauses = [_happened(random, sentences[kind].every, slots, n, has_aside) for kind, n in happened]
    before, _, after = _told(random, opening, clauses, sentences, slots).partition("|")
    opening = _clause(random, sentences["opening"].joinable, slots | {"start": "|"})
    clauses = [_happened(random, sentences[kind].joinable, slots, n, has_aside) for kind, n in happened]
    one_before, _, one_after = _joined(random, [opening, *clauses], _LAST_ENDS).partition("|")
    form = random.choice(sentences[asked].every)
    slots |= {name: str(value) for name, value in numbers.items()}
    question = form.format_map(slots)
    first = re.sub(r"\{(he|him)\}", "{name}", form, count=1) if "{name}" not in form else form
    first = first if "{name}" in first else first.replace("{his}", "{name}'s", 1)
    return {
        "before": before,
        "after": after,
        "one_before": one_before,
        "One_before": capitalised(one_before) if one_before else "",
        "one_after": one_after,
        "asked_small": question,
        "asked": capitalised(question),
        "asked_first": capitalised(first.format_map(slots)),
    }


def capitalised(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _clause(random: Random, forms: Sequence[str], slots: Mapping[str, str]) -> Clause:
    form = random.choice(forms)
    return Clause(form.format_map(slots)[:-1], form.startswith(("{he} ", "{name} ", "{I} ")))


def _happened(
    random: Random, forms: Sequence[str], slots: Mapping[str, str], numbers: Numbers, has_aside: bool
) -> Clause:
    """A sentence of an operation; it says of what, where a story has something besides that is not to be counted."""
    form = random.choice(forms)
    for _ in range(8):
        if not has_aside or _NAMES_THE_THING.search(form):
            break
        form = random.choice(forms)
    spelt_numbers = spelt(random, numbers)
    if "$" in form:
        spelt_numbers |= {name: str(value) for name, value in numbers.items()}
    return Clause(form.format_map({**slots, **spelt_numbers})[:-1], form.startswith(("{he} ", "{I} ")))


def _told(
    random: Random,
    opening: Clause,
    clauses: Sequence[Clause],
    sentences: Mapping[str, Voice],
    slots: Mapping[str, str],
) -> str:
    """The story in sentences of one clause or of several, the start before or, now and then, behind the rest."""
    style = random.random()
    if style < 0.1 and clauses[0].is_of_person:
        return _with_start_last(random, clauses, sentences, slots)
    most = 1 if style < 0.45 else 2 if style < 0.6 else 3 if style < 0.7 else len(clauses) + 1
    groups: list[list[Clause]] = [[]]
    for clause in (opening, *clauses):
        is_alone = bool(set(",;:") & set(clause.text))
        if groups[-1] and (is_alone or len(groups[-1]) >= most):
            groups.append([])
        groups[-1].append(clause)
        if is_alone:
            groups.append([])
    texts = [_joined(random, group) for group in groups if group]
    texts[1:] = [random.choice(_CONNECTORS) + text for text in texts[1:]]
    return " ".join(capitalised(text) + "." if text[0] != "|" else text + "." for text in texts)


def _with_start_last(
    random: Random, clauses: Sequence[Clause], sentences: Mapping[str, Voice], slots: Mapping[str, str]
) -> str:
    """What happens first, to a person who is named there, then what was there before it."""
    person, _, does = clauses[0].text.partition(" ")
    named = Clause(f"{slots['name'] if person == slots['he'] else person} {does}", True)
    if random.random() < 0.5:
        texts = [_joined(random, [named, *clauses[1:]])]
    else:
        texts = [named.text, *(random.choice(_CONNECTORS) + clause.text for clause in clauses[1:])]
    opening = _clause(random, sentences["start"].every, {**slots, "start": "|"})
    texts.append(random.choice(_AT_THE_START) + opening.text)
    return " ".join(capitalised(text) + "." for text in texts)


def _joined(random: Random, clauses: Sequence[Clause], ends: Sequence[str] = _ENDS) -> str:
    """Clauses as one sentence without its full stop; who does several things is named once."""
    text = clauses[0].text
    for index, clause in enumerate(clauses[1:], start=1):
        is_last = index == len(clauses) - 1
        link = random.choice(ends if is_last else _LINKS)
        is_same_subject = clause.is_of_person and clauses[index - 1].is_of_person
        text += link + (clause.text.split(" ", 1)[1] if is_same_subject else clause.text)
    return text
