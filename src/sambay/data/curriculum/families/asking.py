"""How the value of an expression is asked for: wordings that serve every family whose problem is one expression."""

from __future__ import annotations

from itertools import cycle

# @ stands for the expression.
_TRAINED = (
    "What is @?",
    "Calculate @.",
    "Compute @.",
    "@ = ?",
    "@",
    "Evaluate @.",
    "Work out @.",
    "Please compute @.",
    "How much is @?",
    "Find the value of @.",
    "What is the value of @?",
    "Tell me @.",
    "Solve @.",
    "Can you calculate @?",
    "Give me the result of @.",
    "@ equals what?",
    "I need to know @.",
    "Determine @.",
    "What do I get for @?",
    "what's @",
    "Help me with @, please.",
    "@=",
    "Show me how to work out @.",
    "Let us compute @ step by step.",
)
_HELD_OUT = (
    "Result of @, please.",
    "What does @ come to?",
    "Could you tell me what @ makes?",
    "My homework says: @. What is the answer?",
    "Which number equals @?",
    "I am stuck on @. How much is it?",
    "Say what @ amounts to.",
    "The expression is @. Its value?",
    "If I type @ into a calculator, what will it show?",
    "Here is a little sum for you: @",
)


def asked(*expressions: str, count: int = len(_TRAINED)) -> tuple[str, ...]:
    """The first `count` wordings that ask for an expression; several spellings of it take turns."""
    return _filled(_TRAINED[:count], expressions)


def asked_held_out(*expressions: str, count: int = len(_HELD_OUT)) -> tuple[str, ...]:
    """Likewise of the wordings that are never trained."""
    return _filled(_HELD_OUT[:count], expressions)


def _filled(frames: tuple[str, ...], expressions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(frame.replace("@", expression) for frame, expression in zip(frames, cycle(expressions), strict=False))
