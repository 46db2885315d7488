"""The law L = A D^-b + C: its fit to a ladder of losses, how well the points determine it, and the ladder's axis D."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

# Letters: D the axis (FLOPs or tokens), z = ln D less its mean, n points.

TRANSFORMER_PARAMETERS = 237_568  # times depth³: 14.5 α² d³ with α = 128 (arXiv 2507.06607, section 3.1)
LEVEL = 0.95  # of the intervals
_NUM_SPREADS = 2000
_SPREADS = np.geomspace(1e-3, 60.0, _NUM_SPREADS)  # b times the range of ln D, from nearly straight to a step
_MAX_LOG = 700.0  # of a scale that a float64 can hold

Interval = tuple[float | None, float | None]  # None: open to that side


def transformer_parameters(depth: int, narrowing: int = 1) -> int:
    """N of Transformer++ with `depth` layers: non-embedding, by the closed form that sizes the whole family; with all
    widths divided by `narrowing` it falls with their square."""
    return TRANSFORMER_PARAMETERS * depth**3 // narrowing**2


def ladder_flops(depth: int, tokens: int, narrowing: int = 1) -> float:
    """The ladder's axis, 6 N T, with N of Transformer++ at the same depth for every architecture (section 3.1): models
    of one depth are iso-parametric by construction, and so all curves have the same abscissae. No attention term."""
    return 6.0 * transformer_parameters(depth, narrowing) * tokens


@dataclass(frozen=True)
class Fit:
    """L = scale D^-exponent + floor, by least squares; `intervals` hold each constant at the level of 95 %.

    The intervals are profile intervals under independent normal errors of one size, estimated from the residuals: all
    values of the constant with which the best choice of the other two is still acceptable (Student's t, n - 3 degrees
    of freedom). They are not symmetric and may be open. With three points the law passes through all of them, whatever
    they are: there is no residual, and `intervals` is None.
    """

    scale: float
    exponent: float
    floor: float
    num_points: int
    r_squared: float
    residual: float | None  # the errors' estimated standard deviation; None with three points
    intervals: dict[str, Interval] | None

    def loss(self, axis: np.ndarray) -> np.ndarray:
        return self.floor + self.scale * np.asarray(axis, dtype=float) ** -self.exponent

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def fit(axis: Sequence[float], losses: Sequence[float]) -> Fit:
    """The least-squares fit of the law to the points.

    For a given exponent the law is linear in the other two constants, so one number is searched for (variable
    projection), and there is no start value to choose.

    Raises ValueError for fewer than three different points of the axis, for values that are not positive and finite,
    and where the points determine no such law: they rise, bend over ln D no more than a straight line, or fall once.
    """
    D, L = _checked(axis, losses)
    problem = _Projection(D, L)
    best = problem.best()
    rss, freedom = float(best.squares[0]), len(L) - 3
    return Fit(
        scale=float(best.slope[0] * math.exp(best.exponent[0] * problem.center)), exponent=float(best.exponent[0]),
        floor=float(best.floor[0]), num_points=len(L), r_squared=1 - rss / problem.deviation,
        residual=math.sqrt(rss / freedom) if freedom else None,
        intervals=problem.intervals(best, freedom) if freedom else None,
    )  # fmt: skip


def _checked(axis: Sequence[float], losses: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    if len(axis) != len(losses):
        raise ValueError(f"{len(axis)} places and {len(losses)} losses: allowed are as many of both")
    D, L = np.asarray(axis, dtype=float), np.asarray(losses, dtype=float)
    if not (np.isfinite(D).all() and (D > 0).all() and np.isfinite(L).all()):
        raise ValueError(f"axis {_listed(D)}, losses {_listed(L)}: allowed are a positive axis and finite losses")
    if len(set(D.tolist())) < 3:
        raise ValueError(f"a law of three constants needs three different points or more, not {len(set(D.tolist()))}")
    order = np.argsort(D, kind="stable")
    return D[order], L[order]


@dataclass(frozen=True)
class _Lines:
    """For each of some exponents the regression of the losses on exp(-exponent z), and its sum of squares."""

    exponent: np.ndarray
    slope: np.ndarray  # the law's scale at the mean of ln D
    floor: np.ndarray
    squares: np.ndarray
    slope_variance: np.ndarray  # both for errors of variance 1
    floor_variance: np.ndarray


class _Projection:
    """The sum of squares as a function of the exponent alone, the other two constants being the best for it."""

    def __init__(self, D: np.ndarray, L: np.ndarray) -> None:
        logs = np.log(D)
        self.center, self.range = float(logs.mean()), float(logs[-1] - logs[0])
        self.z, self.L = logs - self.center, L
        self.deviation = float(((L - L.mean()) ** 2).sum())
        # The limits of the law: a line over ln D as b goes to 0, a step after the first point as it goes to infinity.
        line = self._regress(self.z[None])
        self.line, self.is_falling = float(line[2][0]), float(line[0][0]) < 0
        is_first = logs == logs[0]
        self.step = float(sum(((part - part.mean()) ** 2).sum() for part in (L[is_first], L[~is_first])))

    def lines(self, spreads: np.ndarray) -> _Lines:
        """At exponents times `range`."""
        exponents = np.atleast_1d(spreads) / self.range
        slope, floor, squares, slope_variance, floor_variance = self._regress(np.exp(-exponents[:, None] * self.z))
        return _Lines(exponents, slope, floor, squares, slope_variance, floor_variance)

    def _regress(self, terms: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of the losses on each row: slope, constant, sum of squares, and both variances."""
        means = terms.mean(axis=1, keepdims=True)
        spread = ((terms - means) ** 2).sum(axis=1)
        slope = (terms - means) @ (self.L - self.L.mean()) / spread
        floor = self.L.mean() - slope * means[:, 0]
        squares = ((self.L - floor[:, None] - slope[:, None] * terms) ** 2).sum(axis=1)
        return slope, floor, squares, 1 / spread, 1 / len(self.L) + means[:, 0] ** 2 / spread

    def best(self) -> _Lines:
        """The minimum: the best of a grid, then finer ones between its neighbours. ValueError if a limit is as good."""
        if not self.is_falling:
            raise ValueError(f"the losses {_listed(self.L)} do not fall along the axis: no law A D^-b + C fits")
        spreads = _SPREADS
        for _ in range(12):
            index = int(np.argmin(self.lines(spreads).squares))
            low, high = spreads[max(0, index - 1)], spreads[min(len(spreads) - 1, index + 1)]
            spreads = np.linspace(low, high, 101)
        best = self.lines(np.array([(low + high) / 2]))
        tolerance = float(best.squares[0]) + 1e-9 * self.deviation
        for limit, shape in ((self.line, "bend no more than a straight line over ln D"), (self.step, "fall but once")):
            if limit <= tolerance:
                raise ValueError(f"the losses {_listed(self.L)} {shape}: they determine no law A D^-b + C")
        if best.exponent[0] * self.center > _MAX_LOG:
            raise ValueError(f"an exponent of {best.exponent[0]:.3g} fits best, with a scale beyond all numbers: the "
                             f"points {_listed(np.exp(self.z + self.center))} are too near each other")  # fmt: skip
        return best

    def intervals(self, best: _Lines, freedom: int) -> dict[str, Interval]:
        """For each exponent the acceptable (scale, floor) are an ellipse; the intervals are the extent of them all."""
        allowed = float(best.squares[0]) * (1 + student_t(freedom) ** 2 / freedom)
        is_open_low, is_open_high = self.line <= allowed, self.step <= allowed
        middle = float(best.exponent[0]) * self.range
        low, high = (self._border(middle, end, allowed) for end in (_SPREADS[0], _SPREADS[-1]))
        lines = self.lines(np.linspace(low, high, _NUM_SPREADS))
        room = np.maximum(0.0, allowed - lines.squares)
        factor = np.exp(np.minimum(lines.exponent * self.center, _MAX_LOG))
        slope_half, floor_half = np.sqrt(room * lines.slope_variance), np.sqrt(room * lines.floor_variance)
        scales, floors = _extent(factor * lines.slope, factor * slope_half), _extent(lines.floor, floor_half)
        return {
            "scale": (max(0.0, scales[0]), None if is_open_low or is_open_high else scales[1]),
            "exponent": (0.0 if is_open_low else low / self.range, None if is_open_high else high / self.range),
            "floor": (None if is_open_low else floors[0], floors[1]),
        }

    def _border(self, inside: float, end: float, allowed: float) -> float:
        """The acceptable spread that is nearest to `end`."""
        between = np.geomspace(end, inside, _NUM_SPREADS)
        is_acceptable = self.lines(between).squares <= allowed
        is_acceptable[-1] = True  # `inside`, whatever rounding says of points that the law meets exactly
        first = int(np.argmax(is_acceptable))
        inside, outside = between[first], between[max(0, first - 1)]
        for _ in range(60):
            middle = (inside + outside) / 2
            if self.lines(np.array([middle])).squares[0] <= allowed:
                inside = middle
            else:
                outside = middle
        return float(inside)


def student_t(freedom: int, level: float = LEVEL) -> float:
    """The t that a Student variable of `freedom` degrees stays within, to both sides, with probability `level`.

    With t = √freedom tan θ the density is proportional to cos(θ)^(freedom - 1) on (-π/2, π/2).
    """
    angles = np.linspace(0, math.pi / 2, 100_001)
    density = np.cos(angles) ** (freedom - 1)
    within = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return math.sqrt(freedom) * math.tan(float(np.interp(level * within[-1], within, angles)))


def _extent(middles: np.ndarray, halves: np.ndarray) -> tuple[float, float]:
    return float((middles - halves).min()), float((middles + halves).max())


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
