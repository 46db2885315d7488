"""Wordings from files: what is added, and what is refused with its place."""

from __future__ import annotations

import pytest

from sambay.data.curriculum import FAMILIES, wordings
from sambay.data.curriculum.families import sums


@pytest.fixture
def folder(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wordings, "files", lambda _name: tmp_path)
    return tmp_path


def test_a_file_adds_wordings_to_the_families_that_it_names(folder) -> None:
    (folder / "more.txt").write_text(
        "# a remark\n[addition]\nTake {a},\\nthen {b} more.\n\n[subtraction]\n{a} less {b}!\n"
    )
    (folder / "other.txt").write_text("[addition]\n{a} and {b} make?\n")
    family = {family.name: family for family in sums.FAMILIES}
    found = wordings.with_more_wordings(family)
    assert found["addition"].wordings == (
        *family["addition"].wordings,
        "Take {a},\nthen {b} more.",
        "{a} and {b} make?",
    )
    assert found["subtraction"].wordings[-1] == "{a} less {b}!"
    assert found["addition"].held_out_wordings == family["addition"].held_out_wordings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a} and {b}?", "more.txt, line 1: a wording before the name of a family"),
        ("[adition]", "more.txt, line 1: no family 'adition'"),
        ("[addition]\n\n{a} and {c}?", r"more.txt, line 3: addition has no slots \['c'\]"),
        ("[addition]\n{a and {b}?", "more.txt, line 2: .* a brace of the text itself is written twice"),
        ("[addition]\n{a} and {b}!?\n{a} and {b}!?", "more.txt, line 3: addition has this wording already"),
        (f"[addition]\n{FAMILIES['addition'].wordings[0]}", "line 2: addition has this wording already"),
        (
            f"[addition]\n{FAMILIES['addition'].held_out_wordings[0]}",
            "line 2: this wording of addition is never trained",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_named(folder, text: str, message: str) -> None:
    (folder / "more.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        wordings.with_more_wordings({family.name: family for family in sums.FAMILIES})
