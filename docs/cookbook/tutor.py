"""A tutor that adapts its exercises: two right answers in a row make them harder, a wrong one easier, and explained.

    pip install 'sambay[evaluate]'
    python docs/cookbook/tutor.py        # answer what it asks; an empty line ends the lesson

The exercises are drawn from the curriculum, so their answers are known and marked with certainty. Only the explaining
is the model's, and it is shown only where its own answer is right; else the curriculum's steps are.
"""

import sys
from random import Random

from sambay import LLM, SamplingParams
from sambay.chat import split_reasoning
from sambay.data.curriculum import FAMILIES, TRAINED_LEVELS, Problem, Split, draw_problem
from sambay.evaluation import final_answer, is_right

TAUGHT = ("addition", "multiplication", "fractions_add_subtract", "linear_equation")
NUM_RIGHT_TO_RISE = 2


class Learner:
    """Where a learner stands: the level, right answers in a row, and the kind of exercise to come back to."""

    def __init__(self) -> None:
        self.level, self.num_in_a_row, self.missed = 1, 0, None

    def next_exercise(self, random: Random) -> Problem:
        family = self.missed or random.choice(TAUGHT)
        return draw_problem(FAMILIES[family], random, self.level, Split.TEST)  # asked plainly, and never trained

    def take_in(self, problem: Problem, is_solved: bool) -> None:
        self.missed = None if is_solved else problem.family
        self.num_in_a_row = self.num_in_a_row + 1 if is_solved else 0
        if not is_solved:
            self.level = max(self.level - 1, min(TRAINED_LEVELS))
        elif self.num_in_a_row == NUM_RIGHT_TO_RISE:
            self.level = min(self.level + 1, max(TRAINED_LEVELS))
            self.num_in_a_row = 0


def explanation(llm: LLM, problem: Problem) -> str:
    """The model's worked solution if it is right, else the curriculum's."""
    params = SamplingParams(temperature=0, max_tokens=600)
    reply = llm.chat([{"role": "user", "content": problem.question}], params)[0].text
    if is_right(final_answer(reply), problem.answer):
        return split_reasoning(reply).reasoning
    return "\n".join(problem.steps)


def main(seed: int) -> None:
    random, learner, llm = Random(seed), Learner(), LLM()
    while True:
        problem = learner.next_exercise(random)
        print(f"\n[level {learner.level}] {problem.question}")
        try:
            said = input("> ").strip()
        except EOFError:
            break
        if not said:
            break
        is_solved = is_right(said, problem.answer)
        print("Right." if is_solved else f"No, it is {problem.answer}:\n{explanation(llm, problem)}")
        learner.take_in(problem, is_solved)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
