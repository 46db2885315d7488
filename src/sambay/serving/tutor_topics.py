"""What the tutor offers: the curriculum's families under the names of school subjects."""

from __future__ import annotations

from sambay.data.curriculum import FAMILIES

# A family that is in none of these is left out: what programs are examined with need not be what people learn.
TOPICS: dict[str, tuple[str, ...]] = {
    "Arithmetic": (
        *("addition", "subtraction", "multiplication", "division_exact", "division_with_remainder"),
        *("signed_arithmetic", "sums_of_several", "order_of_operations", "missing_number"),
    ),
    "Fractions": (
        *("fractions_simplify", "fractions_add_subtract", "fractions_multiply_divide", "fraction_of_number"),
        *("part_of_whole", "part_of_rest"),
    ),
    "Decimals and rounding": ("decimals_add_subtract", "decimals_multiply", "rounding", "comparing_numbers"),
    "Percentages": (
        *("percent_of_number", "percent_applied", "percent_change", "percent_of_group", "percent_discount"),
        *("simple_interest", "profit_loss"),
    ),
    "Ratio and units": (
        *("proportion", "inverse_proportion", "ratio_split", "unit_rate", "map_scale", "recipe_scaling"),
        *("unit_conversion", "mixed_units", "speed_distance_time"),
    ),
    "Word problems": (
        *("two_step_story", "multi_step_story", "shopping_total", "change_from_payment", "savings_goal"),
        *("overtime_pay", "work_rate", "sharing_equally", "ages_sum_difference", "ages_multiple", "legs_and_heads"),
    ),
    "Equations": (
        *("linear_equation", "linear_inequality", "linear_system", "sum_and_difference", "quadratic_equation"),
        "absolute_value",
    ),
    "Powers and polynomials": (
        *("powers", "square_roots", "cube_roots", "exponent_rules", "logarithms"),
        *("like_terms", "polynomial_value", "polynomial_expand", "polynomial_product", "function_composition"),
    ),
    "Sequences": ("arithmetic_sequence", "geometric_sequence", "recursive_sequence", "sequence_sum", "number_pattern"),
    "Divisors and primes": (*("divisibility", "modular_arithmetic", "gcd", "lcm", "prime_check", "prime_factors"),),
    "Geometry": (
        *("rectangle", "triangle_area", "box", "circle", "triangle_angle", "missing_angle", "polygon"),
        *("pythagoras", "midpoint", "distance", "slope"),
    ),
    "Statistics and chance": (
        *("mean", "median", "mode_and_range", "weighted_mean", "average_score_needed", "product_rule"),
        *("arrangements", "selections", "set_sizes", "drawing_probability", "dice_probability"),
    ),
    "Calculus": ("polynomial_derivative", "polynomial_antiderivative", "linear_power_antiderivative"),
    "Time and calendar": (
        *("clock_add", "clock_back", "clock_duration", "time_span", "day_of_week", "days_between", "leap_year"),
    ),
    "Other number systems": (*("to_base", "from_base", "change_base", "to_roman", "from_roman", "sum_in_base"),),
    "Logic": ("boolean_logic", "ordering_puzzle", "queue_position"),
}
OFFERED = frozenset(name for names in TOPICS.values() for name in names)
assert FAMILIES.keys() >= OFFERED, OFFERED - FAMILIES.keys()
