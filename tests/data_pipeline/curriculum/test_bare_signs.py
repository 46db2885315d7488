from __future__ import annotations

from random import Random

from sambay.data.curriculum.families import bare_signs


def test_answers_as_python_computes_them() -> None:
    for level in (1, 2, 3, 4):
        for seed in range(250):
            draft = bare_signs.FAMILIES[0].draw(Random(seed), level)
            assert int(draft.answer) == eval(draft.values["expression"])
