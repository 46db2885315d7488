"""What examiners add to a question about the form of its answer: nothing, a sentence or two, or a long list of rules.

The expressions in them are examples that have nothing to do with the question: a reader has to learn to leave them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

POWERS = (
    "Write powers with **.",
    "Type exponents with two stars, so {power} and not {caret}.",
    "The sign for a power is **, never ^: {power} is fine, {caret} is not.",
    "Do not use ^. A power looks like {power}.",
    "Powers go with ** (for instance {power}).",
    "An exponent follows a double star. Example: [{power}] rather than [{caret}].",
    "Since a program reads the answer, raise to powers by **; the caret of {caret} would be refused.",
    "If a power occurs, as in {caret}, turn it into {power}.",
    "In place of the caret in {caret} we use **, which gives {power}.",
    "Exponents: {power} (good), {caret} (bad).",
    "We type {power} where a textbook prints {caret}.",
)
PRODUCTS = (
    "Put * between a number and a letter.",
    "Type every multiplication with its *.",
    "No product without its star: type {product} and never {loose}.",
    "Each factor is followed by *, as in {product}, not as in {loose}.",
    "Show the * of all products in what you write, say `{product}` rather than `{loose}`.",
    "Whenever you multiply, in your working too, show it by *: [{product}] is right and [{loose}] is wrong.",
    "The star of a multiplication must not be dropped, so {loose} has to become {product}.",
    "All multiplications are written out. What is wanted: {product}. What is not: {loose}.",
    "A factor in front of a letter or a function needs *: {product}",
    "Do not write {loose}; the same with stars, {product}, is accepted.",
    "Our checker understands {product} but fails at {loose}.",
    "Use * in each step where things are multiplied, e.g. {product}",
)
CONSTANT = (
    "Include the constant C.",
    "Do not forget the + C.",
    "Add C as the constant of integration.",
    "End the answer with + C.",
    "The constant is called C.",
    "An integral without limits has a constant: + C at the end, as in {product} + C.",
    "Name the integration constant C and nothing else.",
    "The last term of the answer is C.",
    "Since any constant can be added, finish with + C, as one does in {integral}.",
)
SAME_LETTER = (
    "Keep the letter of the question.",
    "The variable in the answer is that of the question.",
    "Stay with the variable that is given.",
    "Do not rename the variable, whatever letter the examples here have.",
    "If the question is about {letter}, so is the answer; take the letter that you find there.",
    "Capital letters stay capital and small ones small.",
    "The examples in these rules may have other letters than the question.",
)
EXPONENTIAL = (
    "Where e to a power is needed, type exp({letter}).",
    "Write exp({letter}) or E**({letter}) for powers of Euler's number, which is a capital E.",
    "The exponential function is exp({letter}), not e^{letter}; E**({letter}) is allowed too.",
    "For e with an exponent, as in {number}*exp({letter}), both exp and E** are understood.",
    "exp(-{number}*{letter}) is how we type an exponential.",
)
FUNCTIONS = (
    "Functions have brackets: sin({letter}), cos({letter}), log({letter}).",
    "A square root is typed sqrt({letter}), a logarithm log({letter}).",
    "Should a sine or a cosine appear, give it brackets, as in {number}*sin({other}*{letter}) - cos({letter}).",
    "Write sqrt({other}) and not a root sign.",
    "tan, sin, cos, exp, log and sqrt are known to the program, e.g. {integral}",
)
EXPRESSION = (
    "Give the expression alone, without y = or f({letter}) = in front.",
    "The answer is one expression.",
    "Fractions are typed with /, such as {number}*{letter}/{other}.",
    "No LaTeX in the expression: {power}/{other}, not a \\frac.",
    "Only one line for the answer, in the style of {product}.",
    "Plain text for the formula, so that it can be copied into a program.",
    "Simplify as far as you can: {number}*{letter} + {other}*{letter} would not do.",
    "Numbers stay exact: 1/3 and not 0.3333.",
)
ROUNDED = (
    "Round to four decimals.",
    "Use at most 4 digits after the point.",
    "Decimals are rounded to 4 places.",
    "Give the result as a decimal with 4 places, zeros at its end left out.",
    "Four decimal places are enough, rounded.",
    "Numbers with more than 4 places after the point are rounded to 4 places, so {long} would become {short}.",
    "All numbers are floats; those with a longer fraction are rounded to 4 decimal places ({long} is {short}).",
    "Round what does not end, for instance {long}, to 4 decimals: {short}.",
    "At most four places after the decimal point (like {short}).",
)
LISTED = (
    "Separate several solutions with commas.",
    "More than one solution? List them all with commas, for example {pair}.",
    "One solution is one number; two are two numbers with a comma, as in {pair}.",
    "Write them from the smallest to the largest, like {pair}.",
    'Several values look like "{pair}".',
    'The values go into one line with commas, e.g. "{pair}" or "{triple}".',
    "With 2 solutions give 2 numbers with a comma between them, with 3 solutions 3 numbers: {triple}.",
    "Every solution counts. A complete list could look like this: {triple}.",
    "If there are {few} values, we expect {few} numbers and commas between them.",
    "A single solution needs no comma ({short}), two do ({pair}).",
)
AS_DECIMALS = (
    "Decimals, no fractions and no roots.",
    "Roots such as {root} are to be turned into decimals.",
    "Give numbers, not expressions like {root}.",
    "Suppose you find {letter} = {root}: give the decimal number instead, as in {short}.",
    "In case you get {letter} = {root} and {letter} = {root_minus}, resolve both to decimals and list them: {pair}.",
    "What is still written with a sqrt, like {root}, must be worked out to a number such as {short}.",
    "Neither {number}/{other} nor {root} is accepted; their decimals are.",
    "Turn every value into a float, for {letter} = {root} as for others.",
)
NONE_AT_ALL = (
    "If no real number fits, leave the answer empty.",
    "Without a real solution the answer stays blank.",
    'An equation that no real {letter} satisfies is answered by an empty text, "".',
    'Should there be no real solution, report "".',
    "Complex solutions are left out; if nothing else remains, the answer is empty.",
)

_TITLES = (
    "Rules for the answer:",
    "Format:",
    "Please keep to this:",
    "How to write it:",
    "While you work, mind the following:",
    "Some conventions for what you write:",
    "When you calculate and when you answer, obey these instructions:",
    "Apart from your knowledge of mathematics, you need these rules to solve the problem:",
    "Follow the conventions below, in your steps and in what you answer:",
    "Instructions, to be respected by all answers:",
    "Notation:",
    "A few remarks before you begin:",
    "The examples below only show how things are written:",
    "Please respect each of these points in your solution:",
)
_MARKS = ("{}. ", "{}. ", "- ", "({}) ", "## {}. ", "## {}. ", "* ", "{}) ", "Rule {}: ", "#{} ", "[{}] ", "### {}\n")


def notes(random: Random, *kinds: tuple[str, ...], always: tuple[str, ...] = ()) -> dict[str, str]:
    """A note of some of the kinds of sentences, and of one of `always`, as scenery.

    `note` stands after a sentence, `note_below` after an expression, which has no full stop.
    """
    amount = random.random()
    if amount < 0.25:
        chosen: tuple[tuple[str, ...], ...] = ()
    elif amount < 0.5:
        chosen = tuple(random.sample(kinds, min(len(kinds), random.randint(1, 2))))
    else:
        chosen = tuple(random.sample(kinds, random.randint(min(3, len(kinds)), len(kinds))))
    sentences = [random.choice(kind) for kind in (always and (always,)) + chosen]
    if not sentences:
        return {"note": "", "note_below": ""}
    if amount < 0.6:
        text = _exampled(random, " ".join(sentences))
        return {"note": random.choice(" \n") + text, "note_below": f"\n{text}"}
    if amount > 0.8:  # the longest lists say some things twice
        sentences += [random.choice([one for one in kind if one not in sentences]) for kind in chosen[:3]]
    text = _listed(random, [_exampled(random, sentence) for sentence in sentences])
    return {"note": text, "note_below": text}


def _listed(random: Random, sentences: list[str]) -> str:
    random.shuffle(sentences)
    mark, end = random.choice(_MARKS), random.choice(("", "\n"))
    gap = random.choice(("\n", "\n", "\n", "\n\n", " "))
    rules = gap.join(f"{mark.format(place)}{sentence}" for place, sentence in enumerate(sentences, start=1))
    return f"\n{random.choice(_TITLES)}\n{rules}{end}"


def _exampled(random: Random, text: str) -> str:
    """The sentences with examples of drawn numbers and letters."""
    if "{" not in text:
        return text
    letter, number, other = random.choice("xXtyzbwur"), random.randint(2, 9), random.randint(2, 20)
    power = f"{number}*{letter}**{random.randint(2, 7)}"
    product = _sum_of_products(random, letter) if random.random() < 0.7 else power
    long = f"{random.choice(('', '-'))}{random.randint(0, 30)}.{random.randint(0, 999):03d}"
    places = random.randint(1, 9) * 100 + random.randint(1, 9) * 10
    last = random.randint(1, 8)
    first, second = random.randint(-99_999, 40_000) / 10_000, random.randint(1, 90_000) / 10_000
    pair = f"{first}, {round(first + second, 4)}"
    under = f"sqrt({random.randint(2, 5000)})"
    below = f"/{random.randint(2, 200)}" if random.random() < 0.6 else ""
    return text.format(
        power=power,
        caret=power.replace("**", "^"),
        product=product,
        loose=product.replace("**", "").replace("*", ""),
        letter=letter,
        number=number,
        other=other,
        few=random.randint(2, 4),
        pair=pair,
        triple=f"{pair}, {number + 10}.{last}",
        root=f"{number} + {under}{below}",
        root_minus=f"{number} - {under}{below}",
        integral=_sum_of_products(random, letter) + " + C",
        long=f"{long}{last}{places}",
        short=f"{long}{last + (places >= 500)}",
    )


# Products as they stand in examples, with a number, the letter and an exponent.
_EXAMPLES: tuple[Callable[[int, str, int], str], ...] = (
    lambda number, letter, exponent: f"{number}*{letter}**{exponent}",
    lambda number, letter, _: f"{number}*{letter}*cos({letter})",
    lambda number, letter, exponent: f"{number}*{letter}**{exponent}*sin({letter})",
    lambda number, letter, _: f"{number}*sin({letter})",
    lambda number, letter, _: f"{number}*exp({letter})",
    lambda number, letter, exponent: f"{letter}**{exponent}*exp({number}*{letter})",
    lambda number, letter, _: f"{number}*{letter}*sqrt({letter})",
    lambda number, letter, exponent: f"{number}*{letter}*log({letter})/{exponent}",
    lambda number, letter, exponent: f"{number}*({letter} + {exponent})",
    lambda number, letter, exponent: f"{number}*{letter}*cos({exponent}*{letter})",
)


def _sum_of_products(random: Random, letter: str) -> str:
    """One to four products with signs, such as -3*x**2*sin(x) + 7*exp(x)."""
    text = "-" if random.random() < 0.3 else ""
    for place in range(random.choice((1, 2, 2, 3, 4))):
        sign = random.choice((" + ", " - ")) if place else ""
        text += sign + random.choice(_EXAMPLES)(random.randint(2, 20), letter, random.randint(2, 7))
    return text
