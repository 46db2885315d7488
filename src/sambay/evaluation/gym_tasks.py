"""reasoning-gym's arithmetic and algebra tasks as examiners: their wording, their easiest setting, their verifiers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sambay.evaluation.grading import is_bounded
from sambay.evaluation.questions import Question, Task

_ARITHMETIC = (
    *("basic_arithmetic", "bitwise_arithmetic", "calendar_arithmetic", "chain_sum", "count_bits"),
    *("decimal_arithmetic", "decimal_chain_sum", "dice", "fraction_simplification", "gcd", "gsm_symbolic", "lcm"),
    *("leg_counting", "number_format", "power_function", "prime_factorization", "products", "time_intervals"),
)
_ALGEBRA = (
    *("complex_arithmetic", "intermediate_integration", "polynomial_equations", "polynomial_multiplication"),
    *("simple_equations", "simple_integration"),
)
GYM_TASKS = _ARITHMETIC + _ALGEBRA


def gym_task(name: str, num_problems: int, seed: int) -> Task:
    """`num_problems` problems of one of GYM_TASKS at level 0 of the library's own curriculum for it.

    gsm_symbolic has no curriculum and one setting, its first difficulty. An answer counts if the library's verifier
    gives it full marks; one that `grading.is_bounded` refuses is not shown to a verifier that might compute it.
    """
    import reasoning_gym
    from reasoning_gym.factory import create_curriculum, has_curriculum

    if has_curriculum(name):
        config = create_curriculum(name).generate_configuration({"seed": seed, "size": num_problems})
        dataset = reasoning_gym.create_dataset(name, **dataclasses.asdict(config))
    else:
        dataset = reasoning_gym.create_dataset(name, seed=seed, size=num_problems)
    questions = (
        Question(f"{index}", (entry["question"],), str(entry["answer"]), _judge(dataset, entry))
        for index, entry in enumerate(dataset[index] for index in range(num_problems))
    )
    return Task(f"gym:{name}", tuple(questions))


def _judge(dataset: Any, entry: Mapping[str, Any]) -> Any:
    def judge(boxed: str) -> bool:
        if not is_bounded(boxed):
            return False
        try:
            return float(dataset.score_answer(answer=_as_plain_text(boxed), entry=entry)) >= 1.0
        except Exception:  # a verifier that trips over garbage has not accepted it
            return False

    return judge


def _as_plain_text(boxed: str) -> str:
    """What the verifiers read, who know no LaTeX: for the few signs that a mathematician boxes."""
    for command, sign in {"\\times": "×", "\\cdot": "*", "\\,": "", "$": ""}.items():
        boxed = boxed.replace(command, sign)
    return boxed.strip()
