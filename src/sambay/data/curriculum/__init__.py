"""The synthetic curriculum: problems with worked, verifiable steps, drawn from seeds."""

from .families import FAMILIES
from .problem import HARDER_LEVEL, TRAINED_LEVELS, Draft, Family, Problem, Split, draw_problem

__all__ = ["FAMILIES", "HARDER_LEVEL", "TRAINED_LEVELS", "Draft", "Family", "Problem", "Split", "draw_problem"]
