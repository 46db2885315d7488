"""The synthetic curriculum: problems with worked, verifiable steps, drawn from seeds."""

from . import (
    comparing,
    decimals,
    divisibility,
    divisors,
    equations,
    motion,
    order,
    primes,
    products,
    proportion,
    quadratics,
    rounding,
    saving,
    sequences,
    shopping,
    stories,
    sums,
    systems,
    wages,
)
from .problem import HARDER_LEVEL, TRAINED_LEVELS, Draft, Family, Problem, Split, draw_problem

FAMILIES: dict[str, Family] = {
    family.name: family
    for part in (
        sums,
        stories,
        equations,
        systems,
        quadratics,
        sequences,
        proportion,
        motion,
        shopping,
        products,
        order,
        saving,
        wages,
        decimals,
        rounding,
        comparing,
        divisibility,
        divisors,
        primes,
    )
    for family in part.FAMILIES
}

__all__ = ["FAMILIES", "HARDER_LEVEL", "TRAINED_LEVELS", "Draft", "Family", "Problem", "Split", "draw_problem"]
