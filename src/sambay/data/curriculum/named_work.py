"""Work whose numbers have names: what a number is stands before the line that computes it.

apples left: 12-5=7
in bags: 34*6: 4*6=24, 3*6+2=20, so 204
"""

from __future__ import annotations

from .working import Work


class NamedWork(Work):
    """`work.called("apples left").subtract(12, 5)` puts the name before the first line of the subtraction."""

    def __init__(self) -> None:
        super().__init__()
        self._name = ""

    def called(self, name: str) -> NamedWork:
        assert not self._name, f"the number called {self._name} is not computed yet"
        self._name = name
        return self

    def say(self, line: str) -> None:
        super().say(f"{self._name}: {line}" if self._name else line)
        self._name = ""

    def exact_quotient(self, a: int, b: int) -> int:
        """a / b where nothing remains."""
        quotient, rest = self.divide(a, b)
        assert not rest, f"{b} divides {a}"
        return quotient

    def percent(self, percent: int, whole: int) -> int:
        """So many per cent of a whole, where that is a whole number: times the percent, then a hundredth."""
        hundredfold = self.multiply(whole, percent)
        assert hundredfold % 100 == 0, f"{percent}% of {whole} is whole"
        self.say(f"{hundredfold}/100={hundredfold // 100}")
        return hundredfold // 100


def dollars(cents: int) -> str:
    """As money is written: 12.05, or 12 if there are no cents."""
    return f"{cents // 100}.{cents % 100:02d}" if cents % 100 else str(cents // 100)
