"""Recipes for more or fewer people: what one gets, then what all get."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories

_FOODS = (
    *(("flour", "grams"), ("sugar", "grams"), ("butter", "grams"), ("rice", "grams"), ("milk", "millilitres")),
    *(("water", "millilitres"), ("cream", "millilitres"), ("oats", "grams"), ("cheese", "grams"), ("honey", "grams")),
)
_DISHES = ("cake", "soup", "bread", "salad", "pie", "stew", "pudding", "curry", "sauce", "porridge", "pizza", "tart")


def _recipe_scaling(random: Random, level: int) -> Draft:
    people = random.randint(2, {1: 6, 2: 9, 3: 12, 4: 25}[level])
    guests = people
    while guests == people:
        guests = random.randint(2, {1: 9, 2: 20, 3: 40, 4: 90}[level])
    for_one = random.randint(2, {1: 12, 2: 50, 3: 150, 4: 400}[level])
    work = NamedWork()
    one = work.called("for one").exact_quotient(for_one * people, people)
    amount = work.called(f"for {guests}").multiply(one, guests)
    food, unit = random.choice(_FOODS)
    scenery = cast(random) | {"food": food, "unit": unit, "dish": random.choice(_DISHES)}
    return Draft({"people": people, "amount": for_one * people, "guests": guests}, work, str(amount), scenery)


RECIPE_SCALING = Family(
    "recipe_scaling",
    _recipe_scaling,
    stories("""
        A {dish} for {people} people needs {amount} {unit} of {food}. How many {unit} are needed for {guests} people?
        {name} uses {amount} {unit} of {food} in a {dish} for {people} people. How much does {he} need for {guests}
          people, in {unit}?
        For {people} people a recipe takes {amount} {unit} of {food}. How many {unit} does it take for {guests}?
        The recipe says: {amount} {unit} of {food} for {people} people. {name} cooks for {guests}. How many {unit} of
          {food} does {he} use?
        {amount} {unit} of {food} are enough for {people} people. How many {unit} are enough for {guests} people?
        {people} people: {amount} {unit} of {food}. {guests} people: how many {unit}?
        How many {unit} of {food} go into a {dish} for {guests} people if {amount} {unit} go into one for {people}?
        {name} expects {guests} guests. {His} {dish} for {people} guests has {amount} {unit} of {food}. How many
          {unit} should {he} take now?
        At the {place} a cook makes {dish} for {people} children with {amount} {unit} of {food}. How many {unit} does
          the cook need for {guests} children?
        {people} bowls of porridge take {amount} {unit} of {food}. How many {unit} do {guests} bowls take?
        To bake {people} buns, {name} needs {amount} {unit} of {food}. How many {unit} does {he} need for {guests}
          buns?
        Please change the recipe from {people} to {guests} people: it has {amount} {unit} of {food}. How many {unit}
          will it have?
        In a {dish} for {people} there are {amount} {unit} of {food}. How many {unit} for {guests}?
        A camp with {people} people uses {amount} {unit} of {food} a day. How many {unit} a day does a camp with
          {guests} people use?
        My {dish} feeds {people} people and has {amount} {unit} of {food}. I want to feed {guests}. How many {unit}
          do I need?
        {name} makes {people} pancakes from {amount} {unit} of {food}. How many {unit} are needed for {guests}
          pancakes?
        If {people} servings contain {amount} {unit} of {food}, how many {unit} do {guests} servings contain?
        The {job} feeds {people} animals with {amount} {unit} of {food}. How many {unit} do {guests} animals need?
        {amount} {unit} of {food} serve {people}. How many {unit} serve {guests}?
        A book tells {name} to take {amount} {unit} of {food} for {people} people. How many {unit} must {he} take for
          {guests} people?
        Work out the {food} for {guests} people in {unit}, when {people} people need {amount} {unit}.
    """),
    stories("""
        {guests} people come to eat {dish}. If {people} people had come, {amount} {unit} of {food} would be right.
          How many {unit} are right now?
        With {amount} {unit} of {food}, {name} can cook for {people}. What amount in {unit} lets {him} cook for
          {guests}?
        What {people} plates of {dish} need: {amount} {unit} of {food}. What {guests} plates need, in {unit}?
        Each person gets the same. {people} persons get {amount} {unit} of {food} together. What do {guests} persons
          get together, in {unit}?
        {name} reads "{people} people, {amount} {unit} of {food}" and thinks of {guests} people. Which number of
          {unit} does {he} write?
        The {dish} of {people} friends held {amount} {unit} of {food}. How many {unit} should the {dish} of {guests}
          friends hold?
        How must {amount} {unit} of {food} for {people} people be changed for {guests} people? Give the new number of
          {unit}.
        A kitchen that fills {people} jars with {amount} {unit} of {food} wants to fill {guests} jars. How many
          {unit} will it take?
        When {people} loaves are made of {amount} {unit} of {food}, what number of {unit} makes {guests} loaves?
        How many {unit} of {food} for {guests} people, please? For {people} people there are {amount}.
    """),
)

FAMILIES = (RECIPE_SCALING,)
