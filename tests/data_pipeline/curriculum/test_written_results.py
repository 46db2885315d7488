from __future__ import annotations

import re
from random import Random

import pytest
import sympy

from sambay.data.curriculum.families import written_results

PRIMES, COMPLEX = written_results.FAMILIES


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_answers_by_an_independent_route(level: int) -> None:
    for seed in range(250):
        draft = PRIMES.draw(Random(seed), level)
        factors = [p for p, times in sorted(sympy.factorint(draft.values["n"]).items()) for _ in range(times)]
        assert draft.answer == " × ".join(map(str, factors))
        draft = COMPLEX.draw(Random(seed), level)
        answer = re.sub(r"(\d*)i", lambda term: f"{term[1] or 1}*I", draft.answer)
        real, imaginary = sympy.sympify(answer).as_real_imag()
        assert complex(real, imaginary) == eval(draft.values["sum"].replace("i", "j"))
