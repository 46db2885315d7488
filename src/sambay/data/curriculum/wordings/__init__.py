"""More ways to ask, one a line: text files of trained wordings beside those in the families' own modules.

A file holds families by name in brackets, then a wording a line with the family's slots; `\\n` is a line break, lines
that begin with # say something to the reader. What is never trained stays in the modules: whoever writes here should
not look at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files

from ..problem import Family, slots


def with_more_wordings(families: Mapping[str, Family]) -> dict[str, Family]:
    """The families with the wordings of all files here. Raises ValueError naming file and line for one that cannot be
    used: an unknown family or slot, a wording that is there already or held out."""
    found: dict[str, list[str]] = {name: [] for name in families}
    for file in sorted(files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".txt"):
            _read(file.name, file.read_text(encoding="utf-8"), families, found)
    return {name: replace(family, wordings=(*family.wordings, *found[name])) for name, family in families.items()}


def _read(name: str, text: str, families: Mapping[str, Family], found: dict[str, list[str]]) -> None:
    family: Family | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"{name}, line {number}"
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]") and line[1:-1].isidentifier():
            if line[1:-1] not in families:
                raise ValueError(f"{place}: no family {line[1:-1]!r}")
            family = families[line[1:-1]]
            continue
        if family is None:
            raise ValueError(f"{place}: a wording before the name of a family")
        wording = line.replace("\\n", "\n")
        _check(wording, family, found[family.name], place)
        found[family.name].append(wording)


def _check(wording: str, family: Family, others: list[str], place: str) -> None:
    known = set().union(*map(slots, family.wordings))
    try:
        used = slots(wording)
    except ValueError as error:
        raise ValueError(f"{place}: {error}; a brace of the text itself is written twice") from None
    if not used <= known:
        raise ValueError(f"{place}: {family.name} has no slots {sorted(used - known)}; it has {sorted(known)}")
    if wording in family.wordings or wording in others:
        raise ValueError(f"{place}: {family.name} has this wording already")
    if wording in family.held_out_wordings:
        raise ValueError(f"{place}: this wording of {family.name} is never trained")
