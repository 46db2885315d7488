"""One operation on signed numbers written without brackets around them: 5 - -4, -8 * -1, -( 7 + 2 )."""

from __future__ import annotations

from random import Random

from ..expressions import operate
from ..problem import Draft, Family
from ..working import Work
from .asking import asked, asked_held_out


def _bare_signs(random: Random, level: int) -> Draft:
    most = (9, 20, 99, 400)[level - 1]
    a, b = (random.choice((-1, 1)) * random.randint(1, most) for _ in range(2))
    sign, work = random.choice("++--*/"), Work()
    if sign == "/":
        b = max(-12, min(12, b))
        a *= b
    answer, text = operate(work, a, sign, b), f"{a} {sign} {b}"
    if random.random() < 0.3:
        text, answer = f"-( {text} )", -answer
        work.say(f"so {answer}")
    return Draft({"expression": text}, work, str(answer))


FAMILIES = (Family("bare_signs", _bare_signs, asked("{expression}"), asked_held_out("{expression}")),)
