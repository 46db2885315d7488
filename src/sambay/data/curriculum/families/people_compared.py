"""A chain of comparisons: who has how many times as many, or how many more, than whom; then a total or a difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, listed, stories
from .story_frames import INTROS, OUTROS
from .story_operations import LEAST_OF_ALL, MOST_OF_ALL
from .story_sentences import forms, with_more

# {x} is compared with {y}, whose number is known by then.
_RELATIONS = {
    "times": forms("""
        {x} has {k} times as many {things} as {y}.
        {x} has {k} times the number of {things} that {y} has.
        {x} owns {k} times as many {things} as {y} does.
        the number of {things} {x} has is {k} times that of {y}.
        for each {thing} of {y}, {x} has {k}.
        {x} collected {k} times as many {things} as {y}.
        ---
        {x}'s {things} are {k} times as many as those of {y}.
        take the {things} of {y} {k} times, and you get those of {x}.
    """),
    "twice": forms("""
        {x} has twice as many {things} as {y}.
        {x} has double the number of {things} that {y} has.
        {x} owns twice as many {things} as {y} does.
        ---
        the number of {x}'s {things} is two times that of {y}.
    """),
    "more": forms("""
        {x} has {n} more {things} than {y}.
        {x} has {n} {things} more than {y} has.
        {x} owns {n} more {things} than {y} does.
        compared with {y}, {x} has {n} more {things}.
        {y} needs {n} more {things} to have as many as {x}.
        ---
        {x} is ahead of {y} by {n} {things}.
        {y} has {n} {things} less than {x}.
    """),
    "fewer": forms("""
        {x} has {n} fewer {things} than {y}.
        {x} has {n} {things} less than {y} has.
        {x} owns {n} fewer {things} than {y} does.
        compared with {y}, {x} has {n} fewer {things}.
        {x} needs {n} more {things} to have as many as {y}.
        ---
        {x} is {n} {things} behind {y}.
        {y} has {n} {things} more than {x}.
    """),
    "part": forms("""
        {x} has 1/{k} as many {things} as {y}.
        {x} has one {k}th of the number of {things} that {y} has.
        {y} has {k} times as many {things} as {x}.
        ---
        {y}'s {things} are {k} times as many as {x}'s.
    """),
    "half": forms("""
        {x} has half as many {things} as {y}.
        {x} has half the number of {things} that {y} has.
        {y} has twice as many {things} as {x}.
        ---
        {y} has double the {things} of {x}.
    """),
}
_QUESTIONS = {
    "total": forms("""
        how many {things} do they have in all?
        how many {things} do they have together?
        what is the total number of {things}?
        find how many {things} there are altogether.
        ---
        if they put all {things} on one table, how many lie there?
        count the {things} of all of them.
    """),
    "last": forms("""
        how many {things} does {last} have?
        find the number of {things} that {last} has.
        what is the number of {last}'s {things}?
        ---
        how many {things} belong to {last}?
        tell me the number of {things} of {last}.
    """),
    "difference": forms("""
        what is the difference between the numbers of {things} of {last} and {first}?
        by how many do the numbers of {things} of {first} and {last} differ?
        ---
        compare {first} and {last}: how many {things} lie between them?
    """),
}
_FRAMES = """
    {first} has {known} {things}. {told} {asked}
    {first} owns {known} {things}. {told} {asked}
    {told} {first} has {known} {things}. {asked}
    {told} {asked} {first} has {known} {things}.
    There are {known} {things} in {first}'s bag. {told} {asked}
    {first} collected {known} {things}. {told} {asked}
    Please solve: {first} has {known} {things}. {told} {asked}
    {told} If {first} has {known} {things}, {asked_small}
    {first} counts {known} {things}. {told} {asked}
    Some friends compare their {things}. {first} has {known}. {told} {asked}
    {told} We know that {first} has {known} {things}. {asked}
    A puzzle: {first} has {known} {things}. {told} {asked}
    {first} brings {known} {things} to the {place}. {told} {asked}
    {told} {first} counts {known} {things}. {asked}
    Question: {asked} {first} has {known} {things}. {told}
    Let us compare {things}. {told} {first} has {known} of them. {asked}
    {first} the {job} has {known} {things}. {told} {asked}
    Given that {first} has {known} {things}, {asked_small} {told}
    At the {place}, {first} has {known} {things}. {told} {asked}
    Solve step by step. {told} {first} has {known} {things}. {asked}
    {first} keeps {known} {things} at home. {told} So {asked_small}
    {told} {first} has {known} of them. {asked}
    {first} has {known} {things}, {one_told}. {asked}
    {first} has {known} {things}, {one_told}. {asked}{outro}
    {first} has {known} {things} and {one_told}. {asked}
    {first} has {known} {things}; {one_told}. {asked}
    {first} has {known} {things}, {one_told}, {asked_small}
    {first} owns {known} {things}, {one_told}: {asked_small}
    If {first} has {known} {things}, {one_told}, {asked_small}
    If {first} has {known} {things} and {one_told}, {asked_small}
    Suppose {first} has {known} {things}, {one_told}. {asked}
    Suppose that {first} owns {known} {things} and that {one_told}. {asked}
    Given: {first} has {known} {things}, {one_told}. Wanted: {asked_small}
    Say {first} has {known} {things}, {one_told}. {asked}
    Assume that {one_told}, and {first} has {known} {things}. {asked}
    Imagine {first} has {known} {things} and {one_told}. {asked}{outro}
    {asked} {first} has {known} {things}, {one_told}.
    {asked} {first} has {known} {things}. {told}
    {asked} Here is what we know: {first} has {known} {things}, {one_told}.
    {asked} {told} {first} has {known} {things}.
    {asked} {told} It is known that {first} has {known} {things}.
    {intro}{asked} {first} has {known} {things}. {told}
    {intro}{first} has {known} {things}. {told} {asked}
    {intro}{first} has {known} {things}. {told} {asked}{outro}
    {intro}{first} has {known} {things}, {one_told}. {asked}
    {intro}{first} owns {known} {things}. {told} {asked}
    {intro}{told} {first} has {known} {things}. {asked}
    {intro}{told} {first} has exactly {known} {things}. {asked}{outro}
    {told} {asked} {first} has {known}, by the way.
    {told} {first}, for a start, has {known} {things}. {asked}
    {told} The number for {first} is {known}. {asked}
    {told} As {first} has {known} {things}, {asked_small}
    {told} Since {first} owns {known} {things}, {asked_small}
    {told} When {first} has {known} {things}, {asked_small}
    {told} {first} tells us that {known} {things} are in the bag. {asked}
    {told} In {first}'s box there are {known} {things}. {asked}
    {told} {first} says: I have {known} {things}. {asked}
    {known} {things} belong to {first}. {told} {asked}
    {known} {things} are {first}'s. {told} {asked}
    {first} picked {known} {things}. {told} {asked}
    {first} bought {known} {things}. {told} {asked}
    {first} found {known} {things} at the {place}. {told} {asked}
    {first} got {known} {things} from the {job}. {told} {asked}
    {first}'s box holds {known} {things}. {told} {asked}
    {first}'s collection has {known} {things}. {told} Now {asked_small}
    There are {known} {things} on {first}'s table. {told} {asked}
    These friends all collect {things}. {told} {first} has {known}. {asked}
    Friends meet at the {place} and count their {things}. {first} has {known}. {told} {asked}
    In a class some children collect {things}. {first} has {known} {things}. {told} {asked}
    Numbers of {things}: {first} has {known}. {told} {asked}
    Start with {first}, who has {known} {things}. {told} {asked}
    We begin with {first}: {known} {things}. {told} {asked}
    {first}: {known} {things}. {told} {asked}
    {first} = {known} {things}. {told} {asked}
    {first} has {known} {things}, {one_told} {asked_small}
    My teacher asks: {first} has {known} {things}. {told} {asked}
    Homework: {first} has {known} {things}. {told} {asked}
    Exercise 3. {first} has {known} {things}, {one_told}. {asked}
    {first} has {known} {things}.[n]{told}[n]{asked}
    - {first} has {known} {things}.[n]- {told}[n]{asked}
    Facts: {first} has {known} {things}. {told}[n]Question: {asked}[n]Answer:
    {told} You also know that {first} has {known} {things}. {asked}
    {told} If {first} owns {known} {things}, then {asked_small}
    Knowing that {first} has {known} {things} and that {one_told}, {asked_small}
    Let {first} have {known} {things}. {told} {asked}
    Can you help me? {first} has {known} {things}. {told} {asked} Thanks!
"""

_OTHER_FRAMES = """
    {known} {things} belong to {first}. {other_told} {other_asked}
    {other_told} {known} {things} belong to {first}. {other_asked}
    {other_asked} This is known: {first} has {known} {things}. {other_told}
    Imagine {first} with {known} {things}. {other_told} {other_asked}
    {other_told} As for {first}, there are {known} {things}. {other_asked}
    With {known} {things}, {first} is the first to count. {other_told} {other_asked}
    Homework: {other_told} {first} has exactly {known} {things}. {other_asked}
    Suppose {first} has {known} {things}. {other_told} Now {other_asked_small}
    In a game {first} gets {known} {things}. {other_told} {other_asked}
    {other_told} {first} said: "I have {known} {things}." {other_asked}
"""
_TRAINED_FRAMES = tuple(frame.replace("[n]", "\n") for frame in stories(_FRAMES))
_TOLD, _ASKED = with_more(_RELATIONS, "compared"), with_more(_QUESTIONS, "compared_questions")
Relation = tuple[str, int]


def _relate(random: Random, number: int, level: int) -> tuple[Relation, int]:
    """A relation to this number, and the number that it leads to."""
    most = {1: 10, 2: 30, 3: 90, 4: 400}[level]
    while True:
        kind = random.choice(("times", "times", "twice", "more", "more", "fewer", "fewer", "part", "half"))
        n = random.randint(2, most)
        k = 2 if kind in ("twice", "half") else random.randint(3, 6 if kind == "times" else 9)
        related: int | None = None
        if kind in ("times", "twice"):
            related = number * k
        elif kind in ("more", "fewer"):
            related = number + n if kind == "more" else number - n
        elif number % k == 0:
            related = number // k
        if related is not None and LEAST_OF_ALL <= related <= MOST_OF_ALL[level]:
            return (kind, n if kind in ("more", "fewer") else k), related


def _find(work: NamedWork, name: str, relation: Relation, number: int) -> int:
    kind, n = relation
    work.called(name)
    if kind in ("times", "twice"):
        return work.multiply(number, n)
    if kind in ("more", "fewer"):
        return work.add(number, n) if kind == "more" else work.subtract(number, n)
    return work.exact_quotient(number, n)


def _times_as_many(random: Random, level: int) -> Draft:
    num_people = {1: 2, 2: 3, 3: 4, 4: 5}[level]
    known = random.randint(3, {1: 30, 2: 80, 3: 200, 4: 500}[level])
    slots = cast(random, num_people, 1)
    names = [slots[f"name{index or ''}"] for index in (0, *range(2, num_people + 1))]
    work, numbers = NamedWork(), [known]
    relations: list[Relation] = []
    for name in names[1:]:
        relation, related = _relate(random, numbers[-1], level)
        relations.append(relation)
        assert _find(work, name, relation, numbers[-1]) == related
        numbers.append(related)
    question = (
        random.choice(("total", "total", "last", "difference")) if level > 1 else random.choice(("total", "last"))
    )
    answer = numbers[-1]
    if question == "total":
        answer = work.called("total").add(*numbers)
    elif question == "difference":
        answer = work.called("difference").subtract(max(numbers[0], numbers[-1]), min(numbers[0], numbers[-1]))
    order = list(range(num_people - 1))
    if random.random() < (0.2 if level < 3 else 0.5):
        random.shuffle(order)
    scenery = _told(random, slots, names, relations, order, question)
    return Draft({"known": known, "relations": relations, "question": question}, work, str(answer), scenery)


def _told(
    random: Random,
    slots: dict[str, str],
    names: Sequence[str],
    relations: Sequence[Relation],
    order: Sequence[int],
    question: str,
) -> dict[str, str]:
    filled = slots | {"first": names[0], "last": names[-1]}
    for number, prefix in enumerate(("", "other_")):
        sentences = [
            _compared(random, names[index + 1], names[index], relations[index], slots, is_held_out=bool(number))
            for index in order
        ]
        asked = random.choice(_ASKED[question][number]).format_map(filled)
        filled[f"{prefix}told"] = " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)
        filled[f"{prefix}asked_small"] = asked
        filled[f"{prefix}asked"] = asked[0].upper() + asked[1:]
        if not prefix:
            filled["one_told"] = listed([sentence[:-1] for sentence in sentences])
    return filled | {"intro": f"{random.choice(INTROS)} ", "outro": f" {random.choice(OUTROS)}"}


def _compared(
    random: Random, x: str, y: str, relation: Relation, slots: Mapping[str, str], *, is_held_out: bool
) -> str:
    kind, n = relation
    sentence = random.choice(_TOLD[kind][is_held_out])
    if "{k}th" in sentence and n not in (4, 6, 7):
        sentence = _TOLD[kind][is_held_out][0]
    return sentence.format(x=x, y=y, k=n, n=n, things=slots["things"], thing=slots["thing"])


TIMES_AS_MANY = Family("times_as_many", _times_as_many, _TRAINED_FRAMES, stories(_OTHER_FRAMES))

FAMILIES = (TIMES_AS_MANY,)
