"""What examiners add to a question about the form of its answer: nothing, a sentence or two, or a list of rules.

The expressions in them are examples that have nothing to do with the question: a reader has to learn to leave them.
"""

from __future__ import annotations

from random import Random

POWERS = (
    "Write powers with **.",
    "Type exponents with two stars, so {power} and not {caret}.",
    "The sign for a power is **, never ^: {power} is fine, {caret} is not.",
    "Do not use ^. A power looks like {power}.",
    "Powers go with ** (for instance {power}).",
)
PRODUCTS = (
    "Put * between a number and a letter.",
    "Type every multiplication with its *.",
    "No product without its star: type {product} and never {loose}.",
    "Each factor is followed by *, as in {product}, not as in {loose}.",
    "Show the * of all products in what you write, say `{product}` rather than `{loose}`.",
)
CONSTANT = (
    "Include the constant C.",
    "Do not forget the + C.",
    "Add C as the constant of integration.",
    "End the answer with + C.",
    "The constant is called C.",
)
SAME_LETTER = (
    "Keep the letter of the question.",
    "The variable in the answer is that of the question.",
    "Stay with the variable that is given.",
)
EXPONENTIAL = (
    "Where e to a power is needed, type exp({letter}).",
    "Write exp({letter}) or E**({letter}) for powers of Euler's number, which is a capital E.",
)
ROUNDED = (
    "Round to four decimals.",
    "Use at most 4 digits after the point.",
    "Decimals are rounded to 4 places.",
    "Give the result as a decimal with 4 places, zeros at its end left out.",
    "Four decimal places are enough, rounded.",
)
LISTED = (
    "Separate several solutions with commas.",
    "More than one solution? List them all with commas, for example {pair}.",
    "One solution is one number; two are two numbers with a comma, as in {pair}.",
    "Write them from the smallest to the largest, like {pair}.",
    'Several values look like "{pair}".',
)
AS_DECIMALS = (
    "Decimals, no fractions and no roots.",
    "Roots such as {root} are to be turned into decimals.",
    "Give numbers, not expressions like {root}.",
)
NONE_AT_ALL = (
    "If no real number fits, leave the answer empty.",
    "Without a real solution the answer stays blank.",
)

_TITLES = (
    "Rules for the answer:",
    "Format:",
    "Please keep to this:",
    "How to write it:",
    "While you work, mind the following:",
    "Some conventions for what you write:",
)


_MARKS = ("{}. ", "{}. ", "- ", "({}) ")


def notes(random: Random, *kinds: tuple[str, ...], always: tuple[str, ...] = ()) -> dict[str, str]:
    """A note of some of the kinds of sentences, and of one of `always`, as scenery.

    `note` stands after a sentence, `note_below` after an expression, which has no full stop.
    """
    amount = random.random()
    if amount < 0.3:
        chosen: tuple[tuple[str, ...], ...] = ()
    elif amount < 0.6:
        chosen = tuple(random.sample(kinds, min(len(kinds), random.randint(1, 2))))
    else:
        chosen = kinds
    sentences = [random.choice(kind) for kind in (always and (always,)) + chosen]
    if not sentences:
        return {"note": "", "note_below": ""}
    if amount < 0.7:
        text = _exampled(random, " ".join(sentences))
        return {"note": random.choice(" \n") + text, "note_below": f"\n{text}"}
    text = _exampled(random, _listed(random, sentences))
    return {"note": text, "note_below": text}


def _listed(random: Random, sentences: list[str]) -> str:
    random.shuffle(sentences)
    mark, end = random.choice(_MARKS), random.choice(("", "\n"))
    rules = "\n".join(f"{mark.format(place)}{sentence}" for place, sentence in enumerate(sentences, start=1))
    return f"\n{random.choice(_TITLES)}\n{rules}{end}"


def _exampled(random: Random, text: str) -> str:
    """The sentences with examples of drawn numbers and letters."""
    if "{" not in text:
        return text
    letter, number, exponent, other = (
        random.choice("xXtyz"),
        random.randint(2, 9),
        random.randint(2, 7),
        random.randint(2, 20),
    )
    power = f"{number}*{letter}**{exponent}"
    product = random.choice(
        (
            power,
            f"{other}*{letter}*cos({letter}) - {power}",
            f"-{number}*{letter}**{exponent}*sin({letter}) + {other}*{letter}*cos({letter})",
            f"{other}*sin({letter}) + {power} + C",
        )
    )
    pair = f"{random.choice(('', '-'))}{other / 8 + 0.0301:.4f}, {other + 0.5 * number}"
    return text.format(
        power=power,
        caret=power.replace("**", "^"),
        product=product,
        loose=product.replace("**", "").replace("*", ""),
        letter=letter,
        pair=pair,
        root=f"{number} + sqrt({other * 100 + 1})/{number + other}",
    )
