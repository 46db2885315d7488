"""Quotients with digits behind the point, as many as are wanted and one more, and rounding by that one.

1.691/2.54=1691/2540                          whole numbers first; then the table of the divisor
1691/2540: 1691<2540, so 0 r 1691             the whole part
16910=15240+1670=6*2540+1670, so 0.6          a zero behind the remainder, one more digit
16700=15240+1460=6*2540+1460, so 0.66
0.6|6, next digit 6>=5: up                    a bar behind what stays
6+1=7
7 with 1 place is 0.7
"""

from __future__ import annotations

from collections.abc import Callable

from .working import Work, long_division, parted
from .working_decimals import Decimal, point_set

_KNOWN_FACTOR = 12  # a larger divisor has its table written


def divide_decimals(work: Work, a: Decimal, b: Decimal, is_enough: Callable[[Decimal], bool]) -> Decimal:
    """a / b of positive numbers, cut off where `is_enough` says so of the digits so far, or exact where it ends."""
    places = max(a.places, b.places)
    top, bottom = a.to_places(places).units, b.to_places(places).units
    if places:
        work.say(f"{a}/{b}={top}/{bottom}")
    if bottom > _KNOWN_FACTOR:
        work.table(bottom)
    work.say(long_division(top, bottom))
    whole, rest = divmod(top, bottom)
    digits = Decimal(whole, 0)
    while rest and not is_enough(digits):
        line = parted(rest * 10, bottom)
        digit, rest = divmod(rest * 10, bottom)
        digits = Decimal(digits.units * 10 + digit, digits.places + 1)
        work.say(f"{line}, so {digits}")
    return digits


def num_significant(number: Decimal) -> int:
    """Digits from the first that is not 0."""
    return len(str(abs(number.units))) if number.units else 0


def round_off(work: Work, number: Decimal, num_dropped: int) -> Decimal:
    """A positive number without its last places, half up, and without zeros at its end; the last line states it."""
    if num_dropped <= 0:
        short = number.shortest()
        work.say(f"so {short}")
        return short
    assert num_dropped <= number.places, number
    text = str(number)
    kept, next_digit = number.units // 10**num_dropped, number.units // 10 ** (num_dropped - 1) % 10
    is_up = next_digit >= 5
    work.say(
        f"{text[:-num_dropped]}|{text[-num_dropped:]}, next digit {next_digit}{'>=5: up' if is_up else '<5: down'}"
    )
    if is_up:
        kept = work.add(kept, 1)
    if number.places > num_dropped:
        return point_set(work, kept, number.places - num_dropped)
    work.say(f"so {kept}")
    return Decimal(kept, 0)
