"""Small logic and letters: statements of and, or, not; a word backwards; how often a letter occurs."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import NAMES, THINGS, cast, listed, stories

_WORDS = tuple(sorted({name.lower() for name in NAMES} | {thing for pair in THINGS for thing in pair}))
_OF_LENGTH = {
    level: tuple(word for word in _WORDS if least <= len(word) <= most)
    for level, (least, most) in {1: (3, 4), 2: (5, 6), 3: (7, 9), 4: (3, 12)}.items()
}


def _truth(is_true: bool) -> str:
    return "true" if is_true else "false"


def _boolean_logic(random: Random, level: int) -> Draft:
    """Statements p, q, r, ... of and, or, not, each of constants and earlier ones; the last is asked for."""
    values = {"true": True, "false": False}
    told, work = [], NamedWork()
    names = "pqrstuvw"[: {1: 3, 2: 4, 3: 5, 4: 7}[level]]
    for index, name in enumerate(names):
        kind = random.choice(("and", "and", "or", "or", "not"))
        # The statement before is always used, so that none is idle.
        operands = [names[index - 1] if index else random.choice(("true", "false"))]
        if kind != "not":
            operands.insert(random.randrange(2), random.choice([one for one in values if one != operands[0]]))
        text = f"not {operands[0]}" if kind == "not" else f" {kind} ".join(operands)
        truths = [values[operand] for operand in operands]
        known = f"not {_truth(truths[0])}" if kind == "not" else f" {kind} ".join(map(_truth, truths))
        values[name] = {"and": all(truths), "or": any(truths), "not": not truths[0]}[kind]
        told.append(f"{name} = ({text})")
        work.called(name).say(f"{known} = {_truth(values[name])}")
    answer = _truth(values[names[-1]])
    work.say(f"so {answer}")
    return Draft({"expression": f"{names[-1]}, where {listed(told)}"}, work, answer, cast(random))


def _reverse_word(random: Random, level: int) -> Draft:
    word = _word(random, level)
    work = NamedWork()
    work.say("letters: " + " ".join(word))
    work.say("from the end: " + " ".join(reversed(word)))
    work.say(f"so {word[::-1]}")
    return Draft({"word": word}, work, word[::-1], cast(random))


def _word(random: Random, level: int) -> str:
    """A known word or, more often, a made-up one, so that there are thousands."""
    if random.random() < 0.3:
        return random.choice(_OF_LENGTH[level])
    length = random.randint(*{1: (3, 4), 2: (4, 6), 3: (6, 8), 4: (9, 12)}[level])
    return "".join(random.choice("bcdfghklmnprstvw" if place % 2 else "aeiou") for place in range(length))


def _count_letter(random: Random, level: int) -> Draft:
    word = _word(random, level)
    letter = random.choice(word) if random.random() < 0.85 else random.choice("abcdefghiklmnoprstuw")
    work, count = NamedWork(), 0
    marks = []
    for each in word:
        count += each == letter
        marks.append(f"{each} {count}")
    work.say(", ".join(marks))
    work.say(f"so {count}")
    return Draft({"word": word, "letter": letter}, work, str(count), cast(random))


BOOLEAN_LOGIC = Family(
    "boolean_logic",
    _boolean_logic,
    stories("""
        Is this true or false: {expression}?
        Evaluate {expression}.
        What is the value of {expression}?
        Value of {expression}?
        {expression}: true or false?
        Find the truth value of {expression}.
        True or false? Find {expression}.
        Compute {expression}.
        Decide if this is true or false: {expression}.
        Simplify to true or false: {expression}.
        Please evaluate {expression}.
        {name} wants to know {expression}. Is it true or false?
        What is the truth value of {expression}?
        Work out, step by step, {expression}.
        Tell me whether this is true or false: {expression}.
        A computer must find {expression}. What does it answer, true or false?
        In logic, what is {expression}?
        Reduce to one word, true or false: {expression}.
        Which value, true or false, has {expression}?
        Give the value of {expression}.
    """),
    stories("""
        Say true or false for {expression}.
        Which is it, true or false: {expression}?
        Result wanted, please: {expression}.
        {name} has to decide about {expression}. Should {he} say true or false?
        Does one of the words true and false describe {expression}? Which one?
        What truth value do you get for {expression}?
        State the truth value of {expression}.
        Check this, then answer true or false: {expression}.
        Look at {expression}. Is it true, or is it false?
        Determine {expression}.
    """),
)

REVERSE_WORD = Family(
    "reverse_word",
    _reverse_word,
    stories("""
        Write the word {word} backwards.
        Reverse the letters of {word}.
        What is {word} spelled backwards?
        Spell {word} from the last letter to the first.
        {word} backwards
        Turn around the letters of {word}.
        Read {word} from right to left. What do you get?
        Reverse: {word}
        Please write {word} in reverse.
        {name} writes {word} the wrong way round. What does {he} write?
        How does {word} look in a mirror order of its letters?
        Give the letters of {word} in reverse order as one word.
        What do you get if you reverse {word}?
        Start at the end of {word} and write its letters to the front.
        Say {word} backwards, letter by letter, as one word.
        The word is {word}. Write it from the end to the start.
        Put the letters of {word} in the opposite order.
        {word}: reverse it.
        I need {word} with its letters reversed.
        Which string is {word} in reverse?
    """),
    stories("""
        Flip the word {word}.
        If the last letter of {word} comes first and so on, what is written?
        Print {word} from back to front.
        {name} reads {word} from the end. What does {he} read?
        Backwards, {word} is what?
        Take {word} and change the order of all letters, the last one first. What is it then?
        Show me {word} the other way round.
        Which letters do you see, joined, when going through {word} from its end?
        Write down {word}, but begin with its final letter and go back.
        Output the reverse of {word}.
    """),
)

COUNT_LETTER = Family(
    "count_letter",
    _count_letter,
    stories("""
        How many times does the letter {letter} occur in {word}?
        Count the letter {letter} in the word {word}.
        How often is {letter} in {word}?
        How many {letter}'s are in {word}?
        In {word}, how many letters are {letter}?
        Find the number of times {letter} appears in {word}.
        The word is {word}. How many times do you see {letter}?
        {word}: how many {letter}?
        Tell me how many times {letter} is used in {word}.
        Please count how often {letter} appears in {word}.
        {name} writes {word}. How many times does {he} write the letter {letter}?
        What is the number of letters {letter} in {word}?
        Look at {word}. How many of its letters are {letter}?
        If you spell {word}, how many times do you say {letter}?
        How many of the letters of {word} are {letter}?
        Number of {letter} in {word}?
        Does {word} have the letter {letter}, and how many times? Give the number.
        I spell {word}. How often do I need {letter}?
        Letter {letter}, word {word}: how many?
        Go through {word} and count each {letter}.
    """),
    stories("""
        In the string {word}, what is the count of {letter}?
        {name} crosses out every {letter} in {word}. How many letters does {he} cross out?
        The letter {letter} can be found in {word} how many times?
        How frequent is the letter {letter} in the word {word}? Give the count.
        Among the letters of {word}, {letter} appears how often?
        When typing {word}, how many times is the key {letter} pressed?
        Say how many copies of {letter} the word {word} contains.
        What number of times does {letter} occur in the spelling of {word}?
        Search {word} for {letter}. How many do you find?
        Take the word {word} and report how many times it has {letter}.
    """),
)

FAMILIES = (BOOLEAN_LOGIC, REVERSE_WORD, COUNT_LETTER)
