"""The curriculum's families as tasks: test problems that no training run has seen, drawn from a seed."""

from __future__ import annotations

from random import Random

from sambay.data.curriculum import FAMILIES, HARDER_LEVEL, TRAINED_LEVELS, Problem, Split, draw_problem
from sambay.data.curriculum.dialogues import two_turn_test_dialogues
from sambay.evaluation.questions import Question, Task

# variant: the levels drawn in turn, and whether the wordings are those held out of training.
VARIANTS: dict[str, tuple[tuple[int, ...], bool]] = {
    "": (TRAINED_LEVELS, False),
    "wordings": (TRAINED_LEVELS, True),
    "harder": ((HARDER_LEVEL,), False),
    **{f"level{level}": ((level,), False) for level in TRAINED_LEVELS},
}
_MAX_REPEATS = 200  # draws that give nothing new before a family counts as used up


def curriculum_task(family: str, variant: str, num_problems: int, seed: int) -> Task:
    """The first `num_problems` different test problems of a family that `seed` gives, fewer if it has no more.

    The problems are a prefix of those for a larger number. Levels take turns.
    """
    levels, is_wording_held_out = VARIANTS[variant]
    found: dict[str, Problem] = {}
    num_repeats = 0
    for index in range(num_problems * _MAX_REPEATS):
        if len(found) == num_problems or num_repeats == _MAX_REPEATS:
            break
        random = Random(f"evaluation|{seed}|{family}|{variant}|{index}")
        problem = draw_problem(
            FAMILIES[family], random, levels[index % len(levels)], Split.TEST, is_wording_held_out=is_wording_held_out
        )
        num_repeats = num_repeats + 1 if problem.question in found else 0
        found.setdefault(problem.question, problem)
    questions = (
        Question(f"{index}/level{problem.level}", (problem.question,), problem.answer)
        for index, problem in enumerate(found.values())
    )
    return Task(f"{family}@{variant}" if variant else family, tuple(questions))


def dialogue_task(is_wording_held_out: bool, num_problems: int, seed: int) -> Task:
    """Dialogues of two turns, of which the second needs the model's own answer to the first and is graded."""
    dialogues = two_turn_test_dialogues(num_problems, seed, is_wording_held_out=is_wording_held_out)
    questions = []
    for index, dialogue in enumerate(dialogues):
        turns = tuple(turn.text for turn in dialogue.turns if turn.role == "user")
        answer = dialogue.answers[-1]
        assert answer is not None, "the last question of a dialogue has an answer"
        questions.append(Question(str(index), turns, answer))
    return Task("dialogues@wordings" if is_wording_held_out else "dialogues", tuple(questions))
