"""How the answer is to be given: instructions beside a question, as programs that examine a model and users add them.

The question's own text stays whole and the reply is the same with and without one.
"""

from __future__ import annotations

import re
from random import Random

RATE = 0.15  # of the questions that may have one
_OF_ITS_KIND = 0.5  # of the instructions, where there are any for the kind of the answer
_BEFORE = 0.25  # of them stand before the question
_KINDS = {
    "integer": re.compile(r"-?\d+"),
    "decimal": re.compile(r"-?\d+\.\d+"),
    "fraction": re.compile(r"-?\d+/\d+|-?\\d?frac\{\d+\}\{\d+\}"),
    "yes or no": re.compile(r"yes|no"),
    "word": re.compile(r"[A-Z][a-z]{2,}"),
    "time": re.compile(r"\d+:\d\d"),
}

_ANY = (
    r"Please reason step by step, and put your final answer within \boxed{}.",
    r"Think step by step and box the answer with \boxed{}.",
    r"Put the answer in \boxed{}.",
    r"The answer belongs in \boxed{...}.",
    r"Write the result inside \boxed{}.",
    r"End with the answer in \boxed{}.",
    r"Use \boxed{} for what you find.",
    r"Finish with \boxed{answer}.",
    "Show your reasoning first, the answer last.",
    "Let's think step by step.",
    "Reason carefully before you answer.",
    "Take it one step at a time.",
    "Work through it step by step.",
    "Work it out before you answer.",
    "Explain how you get there, then answer.",
    "Answer briefly.",
    "Keep the answer short.",
    "Only the answer, please.",
    "Just the result, please",
    "I only want the result.",
    "Answer only",
    "No units in the answer, please.",
    "Make sure that the answer is easy to find.",
    "Solve what follows.",
    "Here is a problem for you.",
    "Answer the question.",
    "Please answer this.",
    "Double-check before you give the answer.",
    "State clearly what the answer is.",
    "Read the question twice.",
    "Use no tools.",
    "There is exactly one correct answer.",
    "Answer:",
    "A:",
)
_BY_KIND = {
    "integer": (
        "Answer with a whole number only.",
        "The answer is an integer.",
        "Respond with the numeric value.",
        "Give one integer, nothing else.",
        "Reply with a number.",
        "Write the answer as an integer.",
        "What I need is a single integer.",
        "Answer in digits.",
        r"Your answer should be an integer inside \boxed{}.",
    ),
    "decimal": (
        "Answer with a decimal number.",
        "Write the answer with a decimal point.",
        "Reply with a decimal only.",
        "The answer is a decimal.",
        "Use a point, not a comma, in the answer.",
    ),
    "fraction": (
        "Give your final answer as a fraction in lowest terms.",
        "Answer with a reduced fraction.",
        "Leave the answer as a simplified fraction.",
        "No decimals: write a fraction.",
        "The answer is a fraction, fully reduced.",
    ),
    "yes or no": (
        "Answer yes or no.",
        "Reply with yes or no only.",
        "Yes or no?",
        "Say either yes or no.",
    ),
    "word": ("Answer with one word.", "One word is enough.", "Reply with a single word."),
    "time": ("Answer in the form hh:mm.", "Give the time as hours:minutes.", "Write the time with a colon."),
}
# Never trained.
_HELD_OUT_ANY = (
    r"Present the final result within \boxed{ }.",
    r"Solve it in steps; the last line should hold \boxed{your answer}.",
    "Before answering, go through the problem in small steps.",
    "Tell me nothing but what comes out.",
    "I will check the final value only.",
    "Below is an exercise. Complete it.",
)
_HELD_OUT_BY_KIND = {
    "integer": ("Your reply should contain one whole number.", "Numerals only, no words."),
    "decimal": ("Express what you get in decimal notation.",),
    "fraction": ("A fraction with no common factors is expected.",),
    "yes or no": ("A plain yes or a plain no will do.",),
    "word": ("Use no more than one word.",),
    "time": ("Clock format, please: HH:MM.",),
}
INSTRUCTIONS = (*_ANY, *(text for texts in _BY_KIND.values() for text in texts))
HELD_OUT_INSTRUCTIONS = (*_HELD_OUT_ANY, *(text for texts in _HELD_OUT_BY_KIND.values() for text in texts))


def kind_of(answer: str) -> str | None:
    """What an answer is by its shape: integer, decimal, fraction, yes or no, word, time, or nothing of these."""
    return next((kind for kind, shape in _KINDS.items() if shape.fullmatch(answer)), None)


def instructed(random: Random, question: str, answer: str, *, is_held_out: bool) -> str:
    """The question, at `RATE` with an instruction that its answer fulfils, before or behind it.

    is_held_out: of those that are never trained.
    """
    if random.random() >= RATE:
        return question
    texts: tuple[str, ...] = _HELD_OUT_ANY if is_held_out else _ANY
    by_kind = _HELD_OUT_BY_KIND if is_held_out else _BY_KIND
    if random.random() < _OF_ITS_KIND:
        texts = by_kind.get(kind_of(answer) or "", texts)
    text = random.choice(texts)
    if text[-1] != ":" and random.random() < _BEFORE:
        return f"{text}{_between(random, text)}{question}"
    return f"{question}{_between(random, question)}{text}"


def _between(random: Random, first: str) -> str:
    """A space only where a sentence has ended, else lines."""
    return random.choice((" ", " ", "\n", "\n\n")) if first[-1] in ".?!" else random.choice(("\n", "\n\n"))
