"""Expressions as LaTeX sets them, for a wording's slot {name:latex} or, with dots as signs of products, {name:cdot}."""

from __future__ import annotations

import re

_QUOTIENT = re.compile(r"\((\d+/\d+)\)")  # brackets that a bar makes needless
_FRACTION = re.compile(r"(\d+)/(\d+)")
_POWER = re.compile(r"\^(-?\d+)")
_SIGN = re.compile(r" ?([*×÷]) ?")


class Typeset(str):
    """A printed expression such as 3 × (4 - 1), 2/3 + 1/4 or 2^10 that a wording can also have in LaTeX."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if spec not in ("latex", "cdot"):
            return super().__format__(spec)
        return latex(self, "\\times" if spec == "latex" else "\\cdot")


def latex(text: str, times: str = "\\times") -> str:
    """3 × 2/5 as 3 \\times \\frac{2}{5}; times: the sign of products."""
    signs = {"*": times, "×": times, "÷": "\\div"}
    text = _SIGN.sub(lambda found: f" {signs[found[1]]} ", _QUOTIENT.sub(r"\1", text))
    return _POWER.sub(r"^{\1}", _FRACTION.sub(r"\\frac{\1}{\2}", text))
