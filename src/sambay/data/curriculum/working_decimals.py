"""Decimals are worked as whole numbers of their last place, and the point is set at the end.

3.4+0.25: 2 places, 340+25            the same number of places on both sides
340+25: 0+5=5, 4+2=6, 3+0=3, so 365
365 with 2 places is 3.65             ... is 9.20=9.2 where zeros end it
3.4*0.25: 34*25, 1+2=3 places         a product has the places of both factors
"""

from __future__ import annotations

from typing import NamedTuple

from .working import Work, bracketed


class Decimal(NamedTuple):
    """units / 10**places; 3.40 is units=340, places=2."""

    units: int
    places: int

    def __str__(self) -> str:
        if not self.places:
            return str(self.units)
        digits = f"{abs(self.units):0{self.places + 1}}"
        return f"{'-' if self.units < 0 else ''}{digits[: -self.places]}.{digits[-self.places :]}"

    def to_places(self, places: int) -> Decimal:
        """The same value, written with at least as many places."""
        assert places >= self.places, self
        return Decimal(self.units * 10 ** (places - self.places), places)

    def shortest(self) -> Decimal:
        """The same value without zeros at the end."""
        units, places = self
        while places and units % 10 == 0:
            units, places = units // 10, places - 1
        return Decimal(units, places)


def point_set(work: Work, units: int, places: int) -> Decimal:
    """The number with these last digits behind the point, without zeros at the end; the line states it."""
    long = Decimal(units, places)
    short = long.shortest()
    work.say(f"{units} with {places} place{'s' if places != 1 else ''} is {long}{f'={short}' if short != long else ''}")
    return short


def add_decimals(work: Work, a: Decimal, b: Decimal) -> Decimal:
    """The sum, worked out."""
    if not (a.places or b.places):
        return Decimal(work.add(a.units, b.units), 0)
    places = _aligned(work, a, "+", b)
    return point_set(work, work.add(a.to_places(places).units, b.to_places(places).units), places)


def subtract_decimals(work: Work, a: Decimal, b: Decimal) -> Decimal:
    """The difference, of either sign, worked out."""
    if not (a.places or b.places):
        return Decimal(work.subtract(a.units, b.units), 0)
    places = _aligned(work, a, "-", b)
    return point_set(work, work.subtract(a.to_places(places).units, b.to_places(places).units), places)


def multiply_decimals(work: Work, a: Decimal, b: Decimal) -> Decimal:
    """The product, worked out."""
    places = a.places + b.places
    work.say(f"{a}*{b}: {a.units}*{b.units}, {a.places}+{b.places}={places} place{'s' if places != 1 else ''}")
    return point_set(work, work.multiply(a.units, b.units), places)


def _aligned(work: Work, a: Decimal, sign: str, b: Decimal) -> int:
    places = max(a.places, b.places)
    plural = "s" if places != 1 else ""
    units_a, units_b = a.to_places(places).units, b.to_places(places).units
    work.say(f"{a}{sign}{b}: {places} place{plural}, {units_a}{sign}{bracketed(units_b)}")
    return places
