"""Expressions of whole numbers: written, and reduced one operation a step, the rest copied unchanged.

7*(15-6)+4                 brackets first, then powers, then products and quotients, then sums: the leftmost of each
15-6=9                     the operation
7*9+4                      what is left of the expression
7*9=63
63+4=67                    the last operation says itself what is left
"""

from __future__ import annotations

from random import Random

from .latex import Typeset
from .working import Work, bracketed

Token = int | str  # a number, one of + - * / ^, or a bracket
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}
_PRETTY = {"*": " × ", "/": " ÷ ", "+": " + ", "-": " - "}


def written(tokens: list[Token]) -> str:
    """3*(4-(-5)) as it is typed: no spaces, negative numbers in brackets unless they stand first."""
    return "".join(
        bracketed(token, is_first=index == 0 and tokens[1:2] != ["^"]) if isinstance(token, int) else token
        for index, token in enumerate(tokens)
    )


def pretty(tokens: list[Token]) -> Typeset:
    """3 × (4 - 5): as it is printed, for wordings."""
    signs = [_PRETTY.get(token, token) if isinstance(token, str) else token for token in tokens]
    return Typeset(written(signs))


def evaluate(work: Work, tokens: list[Token]) -> int:
    """The value; each operation is worked out, and the expression rewritten with its result.

    A quotient that does not come out even is a bug of the family.
    """
    tokens = list(tokens)
    if len(tokens) > 3:
        work.say(written(tokens))
    while len(tokens) > 1:
        first, last = _innermost(tokens)
        at = _next_operation(tokens, first, last)
        a, sign, b = tokens[at - 1 : at + 2]
        assert isinstance(a, int), tokens
        assert isinstance(b, int), tokens
        tokens[at - 1 : at + 2] = [operate(work, a, str(sign), b)]
        if last - first == 3 and first:  # the brackets hold one number now
            tokens[first - 1 : first + 2] = [tokens[first]]
        if len(tokens) > 3:  # the last operation's own line says what is left
            work.say(written(tokens))
    assert isinstance(tokens[0], int), tokens
    return tokens[0]


def operate(work: Work, a: int, sign: str, b: int) -> int:
    """The result of one operation, worked out."""
    if sign == "+":
        return work.add(a, b)
    if sign == "-":
        return work.subtract(a, b)
    if sign == "*":
        return work.multiply(a, b)
    return work.quotient(a, b) if sign == "/" else work.power(a, b)


def _innermost(tokens: list[Token]) -> tuple[int, int]:
    """[first, last) of what the first closed pair of brackets holds, or of everything."""
    if ")" not in tokens:
        return 0, len(tokens)
    last = tokens.index(")")
    first = max(index for index in range(last) if tokens[index] == "(")
    return first + 1, last


def _next_operation(tokens: list[Token], first: int, last: int) -> int:
    """Where the leftmost sign that binds strongest stands."""
    return max(range(first + 1, last, 2), key=lambda index: (_PRECEDENCE[str(tokens[index])], -index))


def drawn(random: Random, num_operations: int, most: int, signs: str, *, is_signed: bool = False) -> list[Token]:
    """An expression with so many operations on numbers from 1 to `most`; products stay at most `most` squared.

    signs: the operations, each as likely. is_signed: partial results may be negative.
    """
    return _tree(random, num_operations, most, signs, is_signed)[0]


def _tree(random: Random, num_operations: int, most: int, signs: str, is_signed: bool) -> tuple[list[Token], int, int]:
    """Tokens, value, and the precedence of the last operation."""
    if not num_operations:
        leaf = random.randint(1, most)
        return [leaf], leaf, 4
    sign = random.choice(signs)
    if sign == "^":
        if num_operations == 1:
            return _power(random)
        sign = "+"
    num_left = random.randrange(num_operations)
    sides = [_tree(random, count, most, signs, is_signed) for count in (num_left, num_operations - 1 - num_left)]
    if sign == "/" and not num_left and 2 <= abs(sides[1][1]) <= 12:
        leaf = abs(sides[1][1]) * random.randint(2, 12)
        sides[0] = [leaf], leaf, 4
    if not _is_allowed(sides[0][1], sign, sides[1][1], most):
        sign = "+"
    if sign == "-" and not is_signed:
        sides.sort(key=lambda side: side[1], reverse=True)
    (left, a, _), (right, b, _) = sides
    precedence = _PRECEDENCE[sign]
    if sides[0][2] < precedence:
        left = ["(", *left, ")"]
    if sides[1][2] <= precedence:
        right = ["(", *right, ")"]
    value = {"+": a + b, "-": a - b, "*": a * b}.get(sign)
    return [*left, sign, *right], a // b if value is None else value, precedence


def _is_allowed(a: int, sign: str, b: int, most: int) -> bool:
    if sign == "*":
        return abs(a * b) <= most * most
    return sign != "/" or (b != 0 and a % b == 0)


def _power(random: Random) -> tuple[list[Token], int, int]:
    base = random.randint(2, 12)
    exponent = random.randint(2, 4 if base < 4 else 3 if base < 6 else 2)
    return [base, "^", exponent], base**exponent, 3
