"""The synthetic curriculum: problems with worked, verifiable steps, drawn from seeds."""

from . import order, products, stories, sums
from .problem import HARDER_LEVEL, TRAINED_LEVELS, Draft, Family, Problem, Split, draw_problem

FAMILIES: dict[str, Family] = {
    family.name: family
    for part in (
        sums,
        stories,
        products,
        order,
    )
    for family in part.FAMILIES
}

__all__ = ["FAMILIES", "HARDER_LEVEL", "TRAINED_LEVELS", "Draft", "Family", "Problem", "Split", "draw_problem"]
