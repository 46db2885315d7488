"""Two kinds counted together, by heads and by legs: suppose all were of the first kind, and mend the difference."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories

# The kind with fewer parts, how many it has, the other kind, how many that has, and what the parts are.
_PAIRS = (
    ("chickens", 2, "rabbits", 4, "legs"),
    ("ducks", 2, "cows", 4, "legs"),
    ("geese", 2, "horses", 4, "legs"),
    ("hens", 2, "sheep", 4, "legs"),
    ("parrots", 2, "dogs", 4, "legs"),
    ("stools", 3, "tables", 4, "legs"),
    ("beetles", 6, "spiders", 8, "legs"),
    ("lizards", 4, "ants", 6, "legs"),
    ("bicycles", 2, "tricycles", 3, "wheels"),
    ("motorbikes", 2, "cars", 4, "wheels"),
    ("cars", 4, "trucks", 6, "wheels"),
    ("small boats", 3, "large boats", 7, "seats"),
    ("short poems", 4, "long poems", 9, "lines"),
    ("child tickets", 5, "adult tickets", 8, "dollars"),
    ("easy tasks", 2, "hard tasks", 5, "points"),
    ("small bags", 4, "large bags", 10, "apples"),
    ("thin books", 3, "thick books", 11, "pictures"),
)


def _legs_and_heads(random: Random, level: int) -> Draft:
    few, least, many, most, parts = random.choice(_PAIRS)
    number_of_few, number_of_many = (random.randint(2, {1: 9, 2: 20, 3: 60, 4: 200}[level]) for _ in range(2))
    heads = number_of_few + number_of_many
    legs = number_of_few * least + number_of_many * most
    asked = random.choice((few, many, many))
    work = NamedWork()
    supposed = work.called(f"all {few}").multiply(heads, least)
    missing = work.called("missing").subtract(legs, supposed)
    more = work.called("more each").subtract(most, least)
    answer = work.called(many).exact_quotient(missing, more)
    if asked == few:
        answer = work.called(few).subtract(heads, answer)
    work.say(f"so {answer}")
    values = {"heads": heads, "legs": legs, "least": least, "most": most, "asked": asked}
    return Draft(values, work, str(answer), cast(random, 2) | {"few": few, "many": many, "parts": parts})


LEGS_AND_HEADS = Family(
    "legs_and_heads",
    _legs_and_heads,
    stories("""
        There are {heads} {few} and {many}. Together they have {legs} {parts}. One of the {few} has {least} {parts},
          one of the {many} has {most}. How many {asked} are there?
        {name} counts {few} and {many}: {heads} in all, with {legs} {parts}. The {few} have {least} {parts} each, the
          {many} {most} each. How many {asked} does {he} count?
        Among {heads} {few} and {many} there are {legs} {parts}. Each of the {few} has {least}, each of the {many}
          has {most}. Find the number of {asked}.
        {heads} in all, some {few} with {least} {parts} each, some {many} with {most} each, {legs} {parts} in all.
          How many {asked}?
        {heads} {few} and {many} have {legs} {parts} altogether. If the {few} have {least} {parts} each and the
          {many} have {most} each, how many {asked} are there?
        At the {place} there are {few} ({least} {parts} each) and {many} ({most} {parts} each), {heads} together. All
          have {legs} {parts}. How many are {asked}?
        {name} sees {heads} {few} and {many}. {He} counts {legs} {parts}. With {least} {parts} for each of the {few}
          and {most} for each of the {many}, how many {asked} are there?
        How many {asked} are there if {few} and {many} are {heads} in all and have {legs} {parts}? The {few} have
          {least} {parts} each and the {many} {most} each.
        Each of the {few} has {least} {parts}. Each of the {many} has {most} {parts}. In all there are {legs} {parts}
          and {heads} {few} and {many}. How many {asked} is that?
        A {job} has {few} and {many}, {heads} altogether, with {legs} {parts}. What is the number of {asked}, if
          {least} {parts} belong to each of the {few} and {most} to each of the {many}?
        {legs} {parts} belong to {heads} {few} and {many}. One of the {few} has {least}, one of the {many} {most}.
          How many {asked} do you find?
        Solve: {few} have {least} {parts} each, {many} have {most} each. There are {heads} of them with {legs}
          {parts} in total. How many {asked}?
        A picture shows {heads} {few} and {many}. {name} counts {legs} {parts} in it. The {few} have {least} {parts}
          each, the {many} have {most}. How many {asked} are in the picture?
        In total {legs} {parts} come from {few} with {least} each and {many} with {most} each. There are {heads}
          {few} and {many}. Find how many {asked} there are.
        There are {few} and {many}, and nothing else. Their number is {heads}, and they have {legs} {parts}: {least}
          for each of the {few}, {most} for each of the {many}. How many {asked}?
        Please find the number of {asked}: {heads} {few} and {many}, {legs} {parts}, {least} for each of the {few},
          {most} for each of the {many}.
        Some {few} have {least} {parts} each, and some {many} have {most} each. Altogether there are {heads} of them
          and {legs} {parts}. What is the number of {asked}?
        {name} has a puzzle for {name2}: "I have {heads} {few} and {many} with {legs} {parts}; {least} each for the
          {few}, {most} each for the {many}. How many {asked} do I have?"
        Counting {few} and {many}, I get {heads}. Counting {parts}, I get {legs}. The {few} have {least} each, the
          {many} have {most} each. How many {asked} are there?
        {heads} is the number of {few} and {many} together, {legs} is the number of their {parts}. With {least}
          {parts} on each of the {few} and {most} on each of the {many}, how many {asked} are there?
        You know {few} have {least} {parts} each and {many} have {most} each. {heads} of them have {legs} {parts}.
          How many of them are {asked}?
    """),
    stories("""
        A list names {heads} {few} and {many}. Its last line says: {legs} {parts} in total. If the {few} have {least}
          {parts} each, and the {many} have {most} each, how many {asked} does it name?
        {name} knows there are {heads} {few} and {many} and that they make {legs} {parts}. Of these, {few} make
          {least} each, {many} make {most} each. What number of {asked} should {he} write down?
        What is the number of {asked} when {legs} {parts} are spread over {heads} {few} and {many}, {least} to each
          of the {few} and {most} to each of the {many}?
        {legs} {parts}, {heads} owners. The owners are {few}, with {least} {parts} each, or {many}, with {most}
          {parts} each. How many owners are {asked}?
        Suppose {few} have {least} and {many} have {most} {parts} each. How many {asked} are there among {heads} of
          both kinds with {legs} {parts}?
        On {name2}'s land are {heads} {few} and {many}. Someone counted all {parts} and got {legs}. Given {least}
          each for the {few} and {most} each for the {many}, how many {asked} are there?
        Of both {few} and {many} there are some. Number of both together: {heads}. Number of {parts}: {legs}. The {few}:
          {least} each. The {many}: {most} each. Number of {asked}?
        Two kinds, {few} and {many}, are {heads} in number. The first kind has {least} {parts} each, the second
          {most}. Their {parts} number {legs}. Find the number of {asked}.
        Can you find how many {asked} there are? Together {few} and {many} are {heads}. Their {parts}: {legs}. Of these,
          each of the {few} has {least}, and each of the {many} {most}.
        When all {parts} of {heads} {few} and {many} are added up, {legs} come out; {least} are counted for each of
          the {few} and {most} for each of the {many}. How many {asked} were there?
    """),
)

FAMILIES = (LEGS_AND_HEADS,)
