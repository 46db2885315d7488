"""Worked arithmetic as it is written down: each operation adds its line to the work and returns its value.

    347+586: 7+6=13, 4+8+1=13, 3+5+1=9, so 933            columns from the right, the carry added in the next
    503-247: 13-7=6, 10-4-1=5, 5-2-1=2, so 256            a column that borrows shows its ten; the next one pays it
    347*6: 7*6=42, 4*6+4=28, 3*6+2=20, so 2082            carries again; several digits: one line each, then their sum
    7436/12: 74=6*12+2, 23=1*12+11, 116=9*12+8, so 619 r 8    each remainder is put before the next digit
    2*37=74, 3*37=111, ..., 9*37=333                       a divisor above 12 has its table written first, and then
    1184/37: 118=111+7=3*37+7, 74=74+0=2*37+0, so 32 r 0   the multiple is looked up, taken off, and counted

Whatever a family solves, it is written with these few forms, so that a small model has to learn them only once.
"""

from __future__ import annotations

from collections.abc import Callable

# Sums and products that are known by heart, and so are written without columns.
_KNOWN_SUM, _KNOWN_FACTOR = 20, 12


class Work:
    """The lines of one solution. Every line is true: what it states is computed, not typed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Add a line of the family's own."""
        self.lines.append(line)

    def add(self, first: int, *others: int) -> int:
        """The sum, from left to right; a negative number is taken off or takes its place before the minus."""
        total = first
        for number in others:
            total = self._add(total, number)
        return total

    def subtract(self, a: int, b: int) -> int:
        """a - b, of either sign."""
        if a < 0 or b < 0:
            return self._signed(f"{a}-{bracketed(b)}", a, -b)
        if a < b:
            return self._negated(f"{a}-{b}", f"{b}-{a}", self.subtract, b, a)
        self.say(_subtraction(a, b))
        return a - b

    def multiply(self, a: int, b: int) -> int:
        """The product; signs are settled first."""
        if a < 0 or b < 0:
            expression, positive = f"{a}*{bracketed(b)}", f"{abs(a)}*{abs(b)}"
            if (a < 0) != (b < 0) and a and b:
                return self._negated(expression, positive, self.multiply, abs(a), abs(b))
            self.say(f"{expression}={positive}")
            return self.multiply(abs(a), abs(b))
        if _is_known_product(a, b):
            self.say(f"{a}*{b}={a * b}")
            return a * b
        a, b = sorted((a, b), key=lambda factor: (_num_lines(factor), factor), reverse=True)
        parts = [(digit, place) for place, digit in enumerate(reversed(str(b))) if digit != "0"]
        products = []
        for digit, place in parts:
            self.say(_digit_product(a, int(digit), place))
            products.append(a * int(digit) * 10**place)
        return self.add(*products)

    def divide(self, a: int, b: int) -> tuple[int, int]:
        """Quotient and remainder of a by b, both at least 0, b above 0."""
        assert a >= 0, "the dividend is not negative"
        assert b > 0, "the divisor is positive"
        if b > _KNOWN_FACTOR and a >= b and not _is_power_of_ten(b):
            self.table(b)
        self.say(long_division(a, b))
        return divmod(a, b)

    def table(self, factor: int) -> None:
        """The multiples of a factor by 2 to 9, for divisions that look them up; written once."""
        line = ", ".join(f"{count}*{factor}={count * factor}" for count in range(2, 10))
        if line not in self.lines:
            self.say(line)

    def quotient(self, a: int, b: int) -> int:
        """a / b of either sign where it comes out even.

        What the times tables hold is written at once; zeros at the end of both are dropped, one at a time; a quotient
        of one digit is found by counting the divisor up.
        """
        assert b != 0, "the divisor is not 0"
        assert a % b == 0, "the division comes out even"
        if a < 0 or b < 0:
            expression, positive = f"{bracketed(a, is_first=True)}/{bracketed(b)}", f"{abs(a)}/{abs(b)}"
            if (a < 0) != (b < 0) and a:
                return self._negated(expression, positive, self.quotient, abs(a), abs(b))
            self.say(f"{expression}={positive}")
            return self.quotient(abs(a), abs(b))
        if b in (1, a) or _is_power_of_ten(b) or (b <= _KNOWN_FACTOR and a // b <= _KNOWN_FACTOR):
            self.say(f"{a}/{b}={a // b}")
            return a // b
        if b > _KNOWN_FACTOR and a % 10 == b % 10 == 0:
            self.say(f"{a}/{b}={a // 10}/{b // 10}")
            return self.quotient(a // 10, b // 10)
        if b > _KNOWN_FACTOR and a < 10 * b:
            counted = ", ".join(f"{count}*{b}={count * b}" for count in range(2, a // b + 1))
            self.say(f"{counted or f'0*{b}=0'}, so {a}/{b}={a // b}")
            return a // b
        return self.divide(a, b)[0]

    def power(self, base: int, exponent: int) -> int:
        """base to an exponent of at least 0, by multiplying again and again."""
        assert exponent >= 0, "the exponent is not negative"
        if not exponent:
            self.say(f"{bracketed(base)}^0=1")
            return 1
        self.say(f"{bracketed(base)}^{exponent}=" + "*".join([bracketed(base)] * exponent))
        value = base
        for _ in range(exponent - 1):
            value = self.multiply(value, base)
        return value

    def gcd(self, a: int, b: int) -> int:
        """The greatest common divisor of two positive numbers by Euclid's algorithm."""
        steps, larger, smaller = [], max(a, b), min(a, b)
        while smaller:
            rest = larger % smaller
            steps.append(parted(larger, smaller))
            larger, smaller = smaller, rest
        self.say(f"gcd({a},{b}): {', '.join(steps)}, so {larger}")
        return larger

    def _add(self, a: int, b: int) -> int:
        if a < 0 or b < 0:
            return self._signed(f"{a}+{bracketed(b)}", a, b)
        self.say(_addition(a, b))
        return a + b

    def _signed(self, expression: str, a: int, b: int) -> int:
        """a + b, written first as a sum or difference of what is not negative."""
        if a < 0 and b < 0:
            return self._negated(expression, f"{-a}+{-b}", self._add, -a, -b)
        if a >= 0 and b >= 0:
            self.say(f"{expression}={a}+{b}")
            return self._add(a, b)
        plus, minus = (a, -b) if b < 0 else (b, -a)
        self.say(f"{expression}={plus}-{minus}")
        return self.subtract(plus, minus)

    def _negated(self, expression: str, positive: str, operation: Callable[[int, int], int], a: int, b: int) -> int:
        self.say(f"{expression}=-({positive})")
        value = -operation(a, b)
        self.say(f"{expression}={value}")
        return value


def _addition(a: int, b: int) -> str:
    if max(a, b) <= _KNOWN_SUM or (min(a, b) < 10 and max(a, b) < 100) or not min(a, b):
        return f"{a}+{b}={a + b}"
    width = max(len(str(a)), len(str(b)))
    columns, carry = [], 0
    for x, y in zip(reversed(f"{a:0{width}}"), reversed(f"{b:0{width}}"), strict=True):
        column = int(x) + int(y) + carry
        columns.append(f"{x}+{y}{'+1' if carry else ''}={column}")
        carry = column // 10
    return f"{a}+{b}: {', '.join(columns)}, so {a + b}"


def _subtraction(a: int, b: int) -> str:
    """Of 0 <= b <= a."""
    if a <= _KNOWN_SUM or (b < 10 and a < 100) or not b:
        return f"{a}-{b}={a - b}"
    columns, borrowed = [], 0
    for x, y in zip(reversed(str(a)), reversed(f"{b:0{len(str(a))}}"), strict=True):
        is_short = int(x) - int(y) - borrowed < 0
        top = int(x) + (10 if is_short else 0)
        columns.append(f"{top}-{y}{'-1' if borrowed else ''}={top - int(y) - borrowed}")
        borrowed = int(is_short)
    return f"{a}-{b}: {', '.join(columns)}, so {a - b}"


def _is_known_product(a: int, b: int) -> bool:
    return max(a, b) <= _KNOWN_FACTOR or min(a, b) <= 1 or _is_power_of_ten(a) or _is_power_of_ten(b)


def _is_power_of_ten(number: int) -> bool:
    return number >= 10 and number == 10 ** (len(str(number)) - 1)


def _num_lines(factor: int) -> int:
    """Lines that a product by this factor takes: one for each digit that is not 0."""
    return len(str(factor).replace("0", ""))


def _digit_product(a: int, digit: int, place: int) -> str:
    whole = digit * 10**place
    if digit == 1 or _is_known_product(a, digit):
        return f"{a}*{whole}={a * whole}"
    columns, carry = [], 0
    for x in reversed(str(a)):
        column = int(x) * digit + carry
        columns.append(f"{x}*{digit}{f'+{carry}' if carry else ''}={column}")
        carry = column // 10
    return f"{a}*{whole}: {', '.join(columns)}, so {a * whole}"


def long_division(a: int, b: int) -> str:
    """The line of a division of whole numbers, b above 0, whose table is known or stands before it."""
    if a < b:
        return f"{a}/{b}: {a}<{b}, so 0 r {a}"
    steps: list[str] = []
    rest = 0
    for digit in str(a):
        rest = rest * 10 + int(digit)
        if rest >= b or steps:
            steps.append(parted(rest, b))
            rest %= b
    quotient, rest = divmod(a, b)
    return f"{a}/{b}: {', '.join(steps)}, so {quotient} r {rest}"


def parted(number: int, divisor: int) -> str:
    """How often a divisor goes into a number, and what remains; beyond the times tables with the multiple between."""
    quotient, rest = divmod(number, divisor)
    is_known = divisor <= _KNOWN_FACTOR or quotient <= 1 or _is_power_of_ten(divisor)
    return f"{number}={'' if is_known else f'{number - rest}+{rest}='}{quotient}*{divisor}+{rest}"


def bracketed(number: int, *, is_first: bool = False) -> str:
    """A number as it stands in an expression: in brackets where its minus would follow another sign."""
    return f"({number})" if number < 0 and not is_first else str(number)
