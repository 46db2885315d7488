"""The synthetic curriculum: problems with worked, verifiable steps, drawn from seeds."""

from . import (
    equations,
    motion,
    order,
    products,
    proportion,
    quadratics,
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
    )
    for family in part.FAMILIES
}

__all__ = ["FAMILIES", "HARDER_LEVEL", "TRAINED_LEVELS", "Draft", "Family", "Problem", "Split", "draw_problem"]
