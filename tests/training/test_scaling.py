from __future__ import annotations

import math

import numpy as np
import pytest

from sambay.training.scaling import Fit, fit, ladder_flops, student_t, transformer_parameters

# arXiv 2507.06607 and the code published with it: losses, and the constants as printed there.
DEPTHS = (8, 12, 16, 20, 24)
FLOPS = [ladder_flops(depth, round(100e9 * (depth / 16) ** 3)) for depth in DEPTHS]
OVER_FLOPS = {
    "Transformer++, standard": ((2.6746, 2.2836, 2.0831, 1.9454, 1.8360), ("239.90", "0.1153", "1.111")),
    "Transformer++, µP": ((2.5972, 2.2647, 2.0682, 1.9263, 1.8252), ("54.5", "0.0763", "0.643")),
    "Transformer++, µP++": ((2.5621, 2.2440, 2.0505, 1.9164, 1.8172), ("49.64", "0.0745", "0.642")),
    "Samba+YOCO, µP++": ((2.5014, 2.2040, 2.0213, 1.8957, 1.79928), ("40.57", "0.0702", "0.607")),
    "SambaY, µP++": ((2.5051, 2.2073, 2.0227, 1.8963, 1.7999), ("39.79", "0.0694", "0.585")),
}
BILLIONS_OF_TOKENS = (100, 200, 300, 400, 500, 600)
OVER_TOKENS = {
    "standard": ((2.0707, 2.0128, 1.9908, 1.9753, 1.9637, 1.9541), (1.61, 0.44, 1.86)),
    "µP++": ((2.0514, 1.9995, 1.9737, 1.9583, 1.9475, 1.9395), (1.28, 0.37, 1.82)),
    "µP++, growing batch": ((2.0516, 2.0027, 1.9784, 1.9656, 1.9535, 1.9461), (1.16, 0.36, 1.83)),
    "µP++, normal init": ((2.0966, 2.0283, 1.996, 1.9770, 1.9617, 1.9559), (2.08, 0.45, 1.84)),
    "Samba+YOCO": ((2.0212, 1.9736, 1.9509, 1.9377, 1.9272, 1.9209), (1.27, 0.41, 1.83)),
    "SambaY": ((2.0242, 1.9766, 1.9548, 1.9385, 1.9311, 1.9225), (1.17, 0.38, 1.82)),
    "untied": ((2.0318, 1.9818, 1.9604, 1.9425, 1.9348, 1.9272), (1.30, 0.40, 1.83)),
    "untied, WSD": ((2.0301, 1.9812, 1.9604, 1.9447, 1.9373, 1.9306), (1.54, 0.47, 1.86)),
    "untied, independent decay": ((2.0293, 1.9831, 1.9655, 1.9497, 1.9403, 1.9330), (1.03, 0.35, 1.82)),
}
DIVERGED = (2.0708, 2.0162, 1.9905, 1.9698, 1.9589, 2.0075)  # µP: its last run was not finite after 204,000 steps


def squares(constants: tuple[float, float, float], axis, losses) -> float:
    scale, exponent, floor = constants
    return float(((scale * np.asarray(axis, dtype=float) ** -exponent + floor - np.asarray(losses)) ** 2).sum())


def constants(found: Fit) -> tuple[float, float, float]:
    return found.scale, found.exponent, found.floor


# ---------------------------------------------------------------------------------------------- published fits


def test_the_axis_is_that_of_the_paper() -> None:
    assert [f"{flops:.3e}" for flops in FLOPS] == ["9.123e+18", "1.039e+20", "5.838e+20", "2.227e+21", "6.650e+21"]
    # table 7 of the paper, "non-embedding", in millions
    millions = [transformer_parameters(depth) / 1e6 for depth in DEPTHS]
    assert millions == pytest.approx([121.6, 410.5, 973.1, 1900.5, 3284.1], abs=0.06)


@pytest.mark.parametrize("series", OVER_FLOPS)
def test_published_fits_over_flops_are_reproduced_to_their_last_digit(series: str) -> None:
    losses, printed = OVER_FLOPS[series]
    found = fit(FLOPS, losses)
    decimals = [len(text.partition(".")[2]) for text in printed]
    assert tuple(f"{value:.{places}f}" for value, places in zip(constants(found), decimals, strict=True)) == printed
    assert found.r_squared > 0.999


@pytest.mark.parametrize("series", OVER_TOKENS)
def test_published_fits_over_tokens_are_reproduced_within_one_of_their_last_digit(series: str) -> None:
    """One unit, not half: 1.178 and 0.4556 are printed as 1.17 and 0.45, and 1.535 as 1.54."""
    losses, printed = OVER_TOKENS[series]
    assert constants(fit(BILLIONS_OF_TOKENS, losses)) == pytest.approx(printed, abs=0.01, rel=0)


def test_the_published_fit_of_the_diverged_series_is_not_its_least_squares() -> None:
    published = (17.92, 1.10, 1.96)
    found = fit(BILLIONS_OF_TOKENS, DIVERGED)
    assert squares(constants(found), BILLIONS_OF_TOKENS, DIVERGED) < squares(published, BILLIONS_OF_TOKENS, DIVERGED)
    assert 0.79 < found.r_squared < 0.80
    assert found.intervals is not None
    assert found.intervals["exponent"] == (0.0, None)  # these points determine no exponent, and the interval says so
    assert found.intervals["floor"][0] is None


def test_the_floors_of_sambay_and_samba_yoco_are_not_told_apart_by_five_points() -> None:
    first, second = (fit(FLOPS, OVER_FLOPS[name][0]) for name in ("Samba+YOCO, µP++", "SambaY, µP++"))
    assert first.intervals is not None
    assert second.intervals is not None
    low, high = first.intervals["floor"]
    assert low is not None
    assert low < second.floor < first.floor < high


# --------------------------------------------------------------------------------------------- the uncertainty


def test_a_known_law_is_found_again_and_meets_its_points() -> None:
    axis = np.geomspace(1e17, 1e21, 6)
    found = fit(axis.tolist(), (33.0 * axis**-0.08 + 1.25).tolist())
    assert constants(found) == pytest.approx((33.0, 0.08, 1.25), rel=1e-6)
    assert found.loss(axis) == pytest.approx(33.0 * axis**-0.08 + 1.25)
    assert found.residual == pytest.approx(0, abs=1e-9)
    for low, high in (found.intervals or {}).values():
        assert low == pytest.approx(high, rel=1e-4)


def test_the_order_and_the_unit_of_the_axis_do_not_matter() -> None:
    losses = OVER_FLOPS["SambaY, µP++"][0]
    first = fit(FLOPS, losses)
    second = fit([flops / 1e18 for flops in reversed(FLOPS)], losses[::-1])
    assert (second.exponent, second.floor) == pytest.approx((first.exponent, first.floor), rel=1e-6)
    assert second.scale == pytest.approx(first.scale * 1e18**-first.exponent, rel=1e-6)


def test_at_the_ends_of_an_interval_the_best_of_the_other_constants_are_just_acceptable() -> None:
    """By a search of its own over exponents, with scale or floor held."""
    axis, losses = np.array(FLOPS), np.array(OVER_FLOPS["Samba+YOCO, µP++"][0])
    found = fit(FLOPS, losses.tolist())
    least = squares(constants(found), axis, losses)
    allowed = least * (1 + 4.302652729749462**2 / 2)  # Student's t for 2 degrees of freedom, from tables
    assert found.intervals is not None
    exponents = np.linspace(0.03, 0.12, 200_001)
    for name in ("scale", "floor"):
        for end in found.intervals[name]:
            powers = axis ** -exponents[:, None]
            if name == "floor":
                scales = ((losses - end) * powers).sum(1) / (powers**2).sum(1)
                rest = losses - end - scales[:, None] * powers
            else:
                rest = losses - end * powers
                rest -= rest.mean(1, keepdims=True)
            assert (rest**2).sum(1).min() == pytest.approx(allowed, rel=1e-2)
    for end in found.intervals["exponent"]:
        slope, floor = np.polyfit(axis**-end, losses, 1)
        assert squares((slope, end, floor), axis, losses) == pytest.approx(allowed, rel=1e-6)


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random, axis = np.random.default_rng(0), np.geomspace(1e17, 1e21, 6)
    truth = {"scale": 40.0, "exponent": 0.07, "floor": 0.6}
    exact = truth["scale"] * axis ** -truth["exponent"] + truth["floor"]
    held = dict.fromkeys(truth, 0)
    for _ in range(400):
        found = fit(axis.tolist(), (exact + random.normal(0, 2e-3, len(axis))).tolist())
        for name, (low, high) in (found.intervals or {}).items():
            held[name] += (low is None or low <= truth[name]) and (high is None or truth[name] <= high)
    for name, count in held.items():
        assert 0.92 < count / 400 < 0.98, name  # 0.95, and three standard deviations of 400 trials


def test_student_s_t_is_that_of_the_tables() -> None:
    table = {1: 12.7062, 2: 4.3027, 3: 3.1824, 10: 2.2281, 30: 2.0423}
    assert {freedom: round(student_t(freedom), 4) for freedom in table} == table


def test_three_points_are_met_exactly_and_have_no_uncertainty() -> None:
    losses = OVER_FLOPS["SambaY, µP++"][0][:3]
    found = fit(FLOPS[:3], losses)
    assert found.loss(np.array(FLOPS[:3])) == pytest.approx(losses, abs=1e-9)
    assert (found.residual, found.intervals) == (None, None)


# ---------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("axis", "losses", "message"),
    [
        ([1, 10], [3, 2], "needs three different points or more, not 2"),
        ([1, 10, 10], [3, 2, 2], "or more, not 2"),
        ([1, 10, 100], [3, 2], "3 places and 2 losses"),
        ([0, 10, 100], [3, 2, 1.5], "a positive axis and finite losses"),
        ([1, 10, 100], [3, 2, math.nan], "a positive axis and finite losses"),
        ([1, 10, 100], [1, 2, 3], "1, 2, 3 do not fall along the axis"),
        ([1, 10, 100, 1000], [4, 3, 2, 1], "bend no more than a straight line"),
        ([1, 10, 100], [3, 2.5, 1], "bend no more than a straight line"),
        ([1, 10, 100, 1000], [3, 1, 1.2, 1], "fall but once"),
        ([1e18, 1.1e18, 1.2e18], [3, 2, 1.9], "too near each other"),
    ],
)
def test_points_that_determine_no_law_are_refused(axis: list[float], losses: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(axis, losses)
