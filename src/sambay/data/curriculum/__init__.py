"""The synthetic curriculum: problems with worked, verifiable steps, drawn from seeds."""

from . import sums
from .problem import HARDER_LEVEL, TRAINED_LEVELS, Draft, Family, Problem, Split, draw_problem

FAMILIES: dict[str, Family] = {family.name: family for part in (sums,) for family in part.FAMILIES}

__all__ = ["FAMILIES", "HARDER_LEVEL", "TRAINED_LEVELS", "Draft", "Family", "Problem", "Split", "draw_problem"]
