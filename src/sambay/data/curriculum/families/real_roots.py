"""All real solutions of an equation of degree 1 or 2, as decimals rounded to four places, the smallest first."""

from __future__ import annotations

from random import Random

from ..forms import less, square_root
from ..power_sums import Term, coded, handwritten
from ..problem import Draft, Family
from ..working import Work
from ..working_decimals import Decimal, point_set
from .answer_notes import AS_DECIMALS, LISTED, NONE_AT_ALL, ROUNDED, notes
from .equations import nonzero
from .quadratics import discriminant_root, wanted_solution, whole_roots

_PLACES = 4
_MOST = {1: 12, 2: 100, 3: 120, 4: 300}
_LETTERS = "abcdefghklmnopqrstuvwxyz"
# How often each kind is drawn: a*x=0 and a*x**2=0, a*x+b=0, a*x**2+b*x=0, squares, whole roots.
_KINDS = ("zero", "linear", "factored", "square", "whole")
_WEIGHTS = {1: (3, 9, 5, 3, 0), 2: (3, 9, 6, 2, 0), 3: (2, 8, 5, 2, 3), 4: (1, 8, 5, 2, 3)}


def _real_roots(random: Random, level: int) -> Draft:
    (kind,) = random.choices(_KINDS, _WEIGHTS[level])
    left = _drawn_terms(random, level, kind)
    letter = _LETTERS[sum((place + 1) * term.top for place, term in enumerate(left)) % len(_LETTERS)]
    right = _right_side(random, left) if level > 1 and random.random() < 0.15 * level else []
    work = Work()
    values = _values(random, _without(left, right), right, letter)
    if right:
        _collected(work, _without(left, right), right, letter)
    work.say(f"{_tight(left, letter)}=0")
    roots = sorted(_solutions(work, kind, left, letter), key=lambda root: root.units * 10 ** (_PLACES - root.places))
    answer = ", ".join(map(str, roots))
    work.say(f"so {answer}")
    return Draft(values, work, answer, notes(random, LISTED, AS_DECIMALS, NONE_AT_ALL, always=ROUNDED))


def _drawn_terms(random: Random, level: int, kind: str) -> list[Term]:
    """The terms of the side that is 0, highest exponent first."""
    most = _MOST[level]
    if kind == "zero":
        return [Term(nonzero(random, 2 * most), random.choice((1, 1, 2)))]
    if kind == "whole":
        a, smaller, larger = whole_roots(random, level)
        return [Term(a, 2), Term(-a * (smaller + larger), 1), Term(a * smaller * larger, 0)]
    if kind == "square":
        a, root = nonzero(random, min(most, 12)), random.randint(1, 12 if level == 1 else 20)
        return [Term(a, 2), Term(-a * root * root, 0)]
    exponent = 1 if kind == "linear" else 2
    while True:
        a, b = nonzero(random, most), nonzero(random, 3 * most if level == 1 else most)
        if abs(b) * 2 * 10**_PLACES % abs(a) or abs(b) * 10**_PLACES % abs(a) == 0:  # nothing lies half way
            return [Term(a, exponent), Term(b, exponent - 1)]


# ------------------------------------------------------------------------------------------------- how it is written


def _right_side(random: Random, left: list[Term]) -> list[Term]:
    """What both sides have been reduced by: the last term's opposite, or a term beside each of the given ones."""
    if len(left) > 1 and random.random() < 0.5:
        return [Term(-left[-1].top, left[-1].exponent)]
    while True:
        right = [Term(nonzero(random, 12), term.exponent) for term in left[-2:]]
        if _without(left, right)[0].top:
            return right


def _without(left: list[Term], right: list[Term]) -> list[Term]:
    """The left side that, with this right side, makes the same equation."""
    moved = {term.exponent: term.top for term in right}
    return [Term(term.top + moved.get(term.exponent, 0), term.exponent) for term in left]


def _collected(work: Work, left: list[Term], right: list[Term], letter: str) -> None:
    """Everything to the left: powers that stand on both sides are taken off, one line each."""
    work.say(f"{_tight(left, letter)}={_tight(right, letter)}")
    tops = {term.exponent: term.top for term in left}
    for term in (term for term in right if tops[term.exponent]):
        work.say(f"{coded([Term(1, term.exponent)], letter)}: {tops[term.exponent]} and {term.top}")
        less(work, tops[term.exponent], term.top)


def _tight(terms: list[Term], letter: str) -> str:
    return coded(terms, letter).replace(" ", "")


def _values(random: Random, left: list[Term], right: list[Term], letter: str) -> dict[str, str]:
    """The equation in three spellings; at times with the lower power first, or the sides exchanged."""
    shown = [term for term in left if term.top]
    if len(shown) == 2 and (shown[0].top < 0 < shown[1].top or random.random() < 0.1):
        shown = shown[::-1]
    sides = [shown, right]
    if random.random() < 0.05:
        sides = sides[::-1]
    code, hand = (" = ".join(written(side, letter) for side in sides) for written in (coded, handwritten))
    return {"e": code, "e_caret": code.replace("**", "^"), "e_hand": hand, "letter": letter}


# -------------------------------------------------------------------------------------------------- how it is solved


def _solutions(work: Work, kind: str, terms: list[Term], letter: str) -> list[Decimal]:
    first = terms[0].top
    if kind == "zero":
        work.say(f"{letter}=0")
        return [Decimal(0, 0)]
    if kind == "whole":
        root = discriminant_root(work, *(term.top for term in terms))
        return [Decimal(wanted_solution(work, name, first, terms[1].top, root), 0) for name in ("larger", "smaller")]
    if kind == "square":
        work.say(f"{letter}**2={-terms[1].top}/{first}".replace("/-", "/(-") + (")" if first < 0 else ""))
        root = square_root(work, work.quotient(-terms[1].top, first))
        return [Decimal(root, 0), Decimal(-root, 0)]
    if kind == "linear":
        return [_quotient(work, -terms[1].top, first, letter)]
    inner = _tight([Term(first, 1), Term(terms[1].top, 0)], letter)
    work.say(f"{letter}*({inner})=0, so {letter}=0 or {inner}=0")
    return [Decimal(0, 0), _quotient(work, -terms[1].top, first, letter)]


def _quotient(work: Work, top: int, bottom: int, letter: str) -> Decimal:
    """The solution of bottom*letter=top: the sign, then the quotient in units of the last place, rounded."""
    work.say(f"{_tight([Term(bottom, 1)], letter)}={top}")
    if abs(bottom) == 1:
        work.say(f"{letter}={top * bottom}")
        return Decimal(top * bottom, 0)
    is_negative = (top < 0) != (bottom < 0)
    work.say(f"{letter}={'-' if is_negative else ''}{abs(top)}/{abs(bottom)}")
    units, rest = work.divide(work.multiply(abs(top), 10**_PLACES), abs(bottom))
    if rest:
        is_up = 2 * rest > abs(bottom)
        work.say(f"2*{rest}={2 * rest}, {2 * rest}{'>' if is_up else '<'}{abs(bottom)}, so {units + is_up}")
        units += is_up
    size = point_set(work, units, _PLACES)
    return Decimal(-size.units if is_negative else size.units, size.places)


FAMILIES = (
    Family(
        "real_roots",
        _real_roots,
        wordings=(
            "Solve {e}.{note}",
            "Solve {e} for {letter}.{note}",
            "Solve the equation {e_caret}.{note}",
            "Solve for {letter}: {e}{note_below}",
            "Solve over the real numbers: {e}{note_below}",
            "{e}, {letter} = ?{note}",
            "{e}{note_below}",
            "{e_hand}{note_below}",
            "Find all real solutions of {e}.{note}",
            "Find all real {letter} with {e_caret}.{note}",
            "Find every real root of the equation {e_hand}.{note}",
            "Which real numbers {letter} satisfy {e}?{note}",
            "For which real {letter} is {e}?{note}",
            "For what real {letter} does {e_caret} hold?{note}",
            "What are the real solutions of {e}?{note}",
            "What can {letter} be if {e_hand}?{note}",
            "Determine all real solutions: {e}{note_below}",
            "Give the real roots of {e}.{note}",
            "List the real solutions of the polynomial equation {e}.{note}",
            "Work out the real values that {letter} can take in {e}.{note}",
            "The equation is {e}. Give all of its real solutions.{note}",
            "Please solve {e_caret} for real {letter}.{note}",
            "Polynomial equation: {e}. All real {letter}?{note}",
            "Let {letter} be real and {e_hand}. Find {letter}.{note}",
            "Compute {letter} from {e}.{note}",
            "I need the real {letter} for which {e}.{note}",
        ),
        held_out_wordings=(
            "Could you solve {e} for me, with every real solution?{note}",
            "Here is an equation: {e}. Which real {letter} fit?{note}",
            "Where does {e_caret} become true for a real {letter}?{note}",
            "State each real number {letter} that makes {e_hand} true.{note}",
            "My homework wants the real roots of {e}.{note}",
            "Suppose {e}. What real values are possible for {letter}?{note}",
            "Show how to solve {e_hand} in the reals.{note}",
            "Look for real numbers {letter} such that {e_caret}.{note}",
            "How large is {letter} when {e}? Name all real possibilities.{note}",
            "Real solutions wanted: {e}{note_below}",
        ),
    ),
)
