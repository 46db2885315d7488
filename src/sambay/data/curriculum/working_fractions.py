"""Fractions: brought to one denominator by multiplying crosswise, or multiplied across, then put in lowest terms.

3/4-1/6: 4*6=24, 3*6=18, 1*4=4, 18-4=14    the common denominator, both numerators, their difference: one line each
3/4-1/6=14/24                              then gcd(14,24): ..., and 14/24=7/12
(2/3)/(4/5)=2/3*5/4                        a division turns its second fraction over
"""

from __future__ import annotations

from typing import NamedTuple

from .forms import lowest_terms
from .working import Work


class Ratio(NamedTuple):
    """top/bottom, not necessarily in lowest terms; bottom 1 is written as a whole number."""

    top: int
    bottom: int

    def __str__(self) -> str:
        return f"{self.top}/{self.bottom}" if self.bottom != 1 else str(self.top)


def combine(work: Work, a: Ratio, sign: str, b: Ratio) -> Ratio:
    """a + b or a - b, in lowest terms, worked out."""
    bottom = _common_bottom(work, a.bottom, b.bottom) if a.bottom != b.bottom else a.bottom
    left, right = (
        work.multiply(term.top, bottom // term.bottom) if term.bottom != bottom else term.top for term in (a, b)
    )
    top = work.add(left, right) if sign == "+" else work.subtract(left, right)
    return _lowest(work, f"{a}{sign}{b}", top, bottom)


def multiply(work: Work, a: Ratio, b: Ratio) -> Ratio:
    """a * b of positive fractions, in lowest terms, worked out."""
    top, bottom = work.multiply(a.top, b.top), _common_bottom(work, a.bottom, b.bottom)
    return _lowest(work, f"{a}*{b}", top, bottom)


def divide(work: Work, a: Ratio, b: Ratio) -> Ratio:
    """a / b of positive fractions, in lowest terms, worked out."""
    turned = Ratio(b.bottom, b.top)
    work.say(f"{quotient_text(a, b)}={a}*{turned}")
    return multiply(work, a, turned)


def _common_bottom(work: Work, a: int, b: int) -> int:
    """The product of two denominators; nothing is written for that of a whole number."""
    return work.multiply(a, b) if min(a, b) > 1 else a * b


def bracketed(ratio: Ratio) -> str:
    """In brackets if it is written with a bar."""
    return f"({ratio})" if ratio.bottom > 1 else str(ratio)


def quotient_text(a: Ratio, b: Ratio) -> str:
    """(2/3)/(4/5), and 2/(4/5)."""
    return f"{bracketed(a)}/{bracketed(b)}"


def _lowest(work: Work, expression: str, top: int, bottom: int) -> Ratio:
    if bottom == 1:
        return Ratio(top, 1)
    sign = "-" if top < 0 else ""
    work.say(f"{expression}={sign}{abs(top)}/{bottom}")
    text = lowest_terms(work, abs(top), bottom)
    if sign:
        work.say(f"so -{text}")
    numerator, _, denominator = text.partition("/")
    return Ratio(int(sign + numerator), int(denominator or 1))
