"""Percentages: of a number, after a change, and of a change."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from ..working_decimals import Decimal, add_decimals, point_set, subtract_decimals

_EASY = (5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90)


def percent_of(work: Work, percent: Decimal, number: int) -> Decimal:
    """So many percent of a whole number, worked out."""
    places = percent.places + 2
    work.say(f"{percent}% of {number}: {percent.units}*{number}, {places} places")
    return point_set(work, work.multiply(percent.units, number), places)


def _percent_and_number(random: Random, level: int) -> tuple[Decimal, int]:
    if level == 1:
        return Decimal(random.choice(_EASY), 0), 20 * random.randint(1, 25)
    if level == 2:
        return Decimal(random.randint(1, 99), 0), random.randint(10, 99)
    if level == 3:
        return Decimal(random.randint(1, 99), 0), random.randint(100, 999)
    return Decimal(random.randint(1, 99) * 10 + random.choice((1, 2, 4, 5, 6, 8)), 1), random.randint(100, 999)


def _percent_of_number(random: Random, level: int) -> Draft:
    percent, number = _percent_and_number(random, level)
    work = Work()
    return Draft({"p": percent, "n": number}, work, str(percent_of(work, percent, number)))


_RISE = {
    "name": "increase",
    "a_name": "an increase",
    "past": "rose",
    "changed": "increased",
    "verb": "increase",
    "gone": "risen",
}
_FALL = {
    "name": "decrease",
    "a_name": "a decrease",
    "past": "fell",
    "changed": "decreased",
    "verb": "decrease",
    "gone": "fallen",
}


def _percent_applied(random: Random, level: int) -> Draft:
    percent, number = _percent_and_number(random, level)
    is_rise = random.random() < 0.5
    work = Work()
    part = percent_of(work, percent, number)
    value = (add_decimals if is_rise else subtract_decimals)(work, Decimal(number, 0), part)
    values = {"p": percent, "n": number, **(_RISE if is_rise else _FALL)}
    return Draft(values, work, str(value), closing="The new value is {answer}.")


def _percent_change(random: Random, level: int) -> Draft:
    is_rise = random.random() < 0.5
    percent = random.choice(_EASY) if level == 1 else random.randint(1, 120 if is_rise else 95)
    step = next(step for step in (1, 2, 4, 5, 10, 20, 25, 50, 100) if percent * step % 100 == 0)
    old = step * random.randint(1, max(1, (100, 200, 500, 4000)[level - 1] // step))
    change = old * percent // 100
    new = old + change if is_rise else old - change
    work = Work()
    difference = work.subtract(max(old, new), min(old, new))
    answer = work.quotient(work.multiply(difference, 100), old)
    work.say(f"{answer} percent")
    closing = f"The {'in' if is_rise else 'de'}crease is {{answer}} percent."
    return Draft({"old": old, "new": new, **(_RISE if is_rise else _FALL)}, work, str(answer), closing=closing)


PERCENT_OF_NUMBER = Family(
    "percent_of_number",
    _percent_of_number,
    wordings=(
        "What is {p}% of {n}?",
        "Find {p}% of {n}.",
        "Calculate {p}% of {n}.",
        "{p}% of {n}",
        "{p}% of {n} = ?",
        "What is {p} percent of {n}?",
        "How much is {p}% of {n}?",
        "Compute {p} percent of {n}.",
        "Work out {p}% of {n}.",
        "Please find {p} percent of {n}.",
        "Tell me {p}% of {n}.",
        "What number is {p}% of {n}?",
        "Take {p}% of {n}.",
        "Give me {p} percent of {n}.",
        "A tip of {p}% on {n} dollars is how many dollars?",
        "The tax is {p}% of {n} euros. How many euros is that?",
        "Determine {p}% of the number {n}.",
        "How many are {p} percent of {n}?",
        "what's {p}% of {n}",
        "I want to know {p}% of {n}.",
        "If you take {p} percent of {n}, what do you get?",
        "Evaluate {p}% of {n}.",
        "From {n} dollars I save {p}%. How many dollars do I save?",
        "{p} percent of {n}, please.",
    ),
    held_out_wordings=(
        "A commission of {p}% is paid on {n} dollars. What does it come to in dollars?",
        "Could you get {p} percent of {n} for me?",
        "Let n = {n}. How much is {p}% of n?",
        "The discount on {n} dollars is {p} percent. How large is the discount in dollars?",
        "State {p}% of {n}.",
        "When {n} is 100%, how much is {p}%?",
        "Of {n} kg of fruit {p}% is water. How many kg of water is this?",
        "How big is a share of {p}% if the whole is {n}?",
        "Say which number is {p} percent of {n}.",
        "Result of {p}% times {n}?",
    ),
)

PERCENT_APPLIED = Family(
    "percent_applied",
    _percent_applied,
    wordings=(
        "{n} is {changed} by {p}%. What is the result?",
        "What is {n} {changed} by {p}%?",
        "{n} {changed} by {p}%",
        "A price of {n} dollars is {changed} by {p}%. What is the new price in dollars?",
        "Take {n} and {verb} it by {p} percent.",
        "If {n} is {changed} by {p} percent, what do you get?",
        "The value {past} from {n} by {p}%. What is it now?",
        "Find the result when {n} is {changed} by {p}%.",
        "Calculate {a_name} of {n} by {p}%. What is the new value?",
        "A town of {n} thousand people: the number {past} by {p}%. How many thousand is it now?",
        "What number results from {a_name} of {n} by {p}%?",
        "My rent was {n} dollars and is {changed} by {p}%. What is it now in dollars?",
        "Please {verb} {n} by {p}%.",
        "Work out {n} after {a_name} of {p}%.",
        "Compute the new value if {n} is {changed} by {p} percent.",
        "After {a_name} of {p}%, what does {n} become?",
        "A share cost {n} dollars and then {past} by {p}%. What does it cost now in dollars?",
        "The number {n} has {gone} by {p}%. Give the new number.",
        "Apply {a_name} of {p}% to {n}.",
        "Tell me what {n} becomes when {changed} by {p}%.",
        "Old value {n}, {name} {p}%. New value?",
        "The weight of {n} kg {past} by {p} percent. What is it now in kg?",
        "Determine {n} {changed} by {p} percent.",
        "{name} {n} by {p}%",
    ),
    held_out_wordings=(
        "Could you {verb} {n} by {p} percent for me?",
        "Yesterday it was {n}. Since then it has {gone} by {p}%. How much is it today?",
        "What will {n} be once it has been {changed} by {p}%?",
        "Starting from {n}, {a_name} of {p} percent leads to what?",
        "Let x = {n}. What does x become through {a_name} of {p}%?",
        "The bill of {n} euros was {changed} by {p}%. How many euros must be paid?",
        "State the value of {n} after it {past} by {p} percent.",
        "A wage of {n} dollars a day sees {a_name} of {p}%. Say the new wage in dollars.",
        "With {n} before and {a_name} of {p}%, what is there afterwards?",
        "Someone {changed} {n} by {p}%. Which number came out?",
    ),
)

PERCENT_CHANGE = Family(
    "percent_change",
    _percent_change,
    wordings=(
        "What is the percent {name} from {old} to {new}?",
        "Find the percentage {name} from {old} to {new}.",
        "A price {past} from {old} to {new} dollars. By what percent?",
        "By what percent was {old} {changed} to give {new}?",
        "Calculate the percent {name}: {old} to {new}",
        "From {old} to {new}: what is the {name} in percent?",
        "The value {past} from {old} to {new}. What is the {name} in percent?",
        "How many percent is the {name} from {old} to {new}?",
        "Percent {name} from {old} to {new}",
        "My rent {past} from {old} to {new} dollars. What is the percent {name}?",
        "Work out the percentage {name} when {old} becomes {new}.",
        "What percentage {name} takes {old} to {new}?",
        "A number {past} from {old} to {new}. Give the {name} in percent.",
        "Compute the {name} from {old} to {new} as a percentage of {old}.",
        "If {old} is {changed} to {new}, what percent {name} is that?",
        "Please tell me the percent {name} from {old} to {new}.",
        "The number of visitors {past} from {old} to {new}. By how many percent?",
        "Determine the percent {name} between {old} and {new}, starting at {old}.",
        "Old value {old}, new value {new}: percent {name}?",
        "It was {old} and has {gone} to {new}. How many percent is this {name}?",
        "what percent {name} is {old} to {new}",
        "A shop {changed} a price from {old} to {new}. By what percentage?",
        "How large is the {name} in percent if {old} turns into {new}?",
        "We had {old} and now have {new}. What is the percentage {name}?",
    ),
    held_out_wordings=(
        "By how many percent has {old} {gone} when it reaches {new}?",
        "Last year {old}, this year {new}: state the {name} in percent.",
        "Could you express the {name} from {old} to {new} in percent?",
        "Which percentage describes the {name} of {old} to {new}?",
        "Let a = {old} and b = {new}. What is the percent {name} from a to b?",
        "A share {past}: it cost {old} before and costs {new} now. How many percent is that?",
        "In percent, how much is the {name} if we go from {old} to {new}?",
        "The weight was {changed} from {old} kg to {new} kg. Say by how many percent.",
        "Relative to {old}, what percent {name} brings {new}?",
        "Someone {changed} {old} until it was {new}. What was the {name} in percent?",
    ),
)

FAMILIES = (PERCENT_OF_NUMBER, PERCENT_APPLIED, PERCENT_CHANGE)
