"""Units of length, mass, volume and time: into smaller ones, into larger ones, and several units made one."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories

# A larger unit, how many smaller ones it has, the smaller unit.
_METRIC = (
    *(
        ("m", 100, "cm"),
        ("cm", 10, "mm"),
        ("km", 1000, "m"),
        ("kg", 1000, "g"),
        ("tonnes", 1000, "kg"),
        ("m", 1000, "mm"),
    ),
    *(("litres", 1000, "ml"), ("g", 1000, "mg"), ("litres", 10, "dl"), ("dl", 100, "ml"), ("dm", 10, "cm")),
)
_OTHERS = (
    *(("hours", 60, "minutes"), ("minutes", 60, "seconds"), ("days", 24, "hours"), ("weeks", 7, "days")),
    *(("years", 12, "months"), ("feet", 12, "inches"), ("yards", 3, "feet"), ("pounds", 16, "ounces")),
    *(("gallons", 4, "quarts"), ("quarts", 2, "pints"), ("dozens", 12, "pieces"), ("hours", 3600, "seconds")),
)
_CHAINS = (
    (("hours", 60, "minutes"), ("minutes", 60, "seconds")),
    (("days", 24, "hours"), ("hours", 60, "minutes")),
    (("weeks", 7, "days"), ("days", 24, "hours")),
    (("km", 1000, "m"), ("m", 100, "cm")),
    (("m", 100, "cm"), ("cm", 10, "mm")),
    (("tonnes", 1000, "kg"), ("kg", 1000, "g")),
    (("yards", 3, "feet"), ("feet", 12, "inches")),
)


def _unit_conversion(random: Random, level: int) -> Draft:
    large, factor, small = random.choice(_METRIC + _OTHERS if level > 1 else _METRIC + _OTHERS[:8])
    number = random.randint(2, {1: 30, 2: 90, 3: 400, 4: 3000}[level])
    work = NamedWork()
    work.say(f"{large} to {small}: {factor}")
    if random.random() < 0.5:
        given, unit, wanted = number, large, small
        answer = work.called(small).multiply(number, factor)
    else:
        given, unit, wanted = number * factor, small, large
        if factor in (10, 100, 1000):
            answer = given // factor
            work.called(large).say(f"{given}/{factor}={answer}")
        else:
            answer = work.called(large).exact_quotient(given, factor)
    work.say(f"so {answer}")
    return Draft({"n": given, "unit": unit, "wanted": wanted}, work, str(answer), cast(random))


def _mixed_units(random: Random, level: int) -> Draft:
    work = NamedWork()
    most = {1: 9, 2: 30, 3: 12, 4: 90}[level]
    if level < 3:
        large, factor, small = random.choice([unit for unit in _METRIC + _OTHERS if 3 <= unit[1] <= 1000])
        counts = [(random.randint(2, most), large), (random.randint(2, factor - 1), small)]
        steps = [(factor, small)]
    else:
        (large, factor, middle), (_, factor2, small) = random.choice(_CHAINS)
        counts = [
            (random.randint(2, most), large),
            (random.randrange(2, factor), middle),
            (random.randrange(2, factor2), small),
        ]
        steps = [(factor, middle), (factor2, small)]
    total = counts[0][0]
    for (factor, unit), (more, _) in zip(steps, counts[1:], strict=True):
        total = work.called(f"{unit} ({factor} each)").multiply(total, factor)
        total = work.called(unit).add(total, more)
    work.say(f"so {total}")
    told = " ".join(f"{number} {unit}" for number, unit in counts)
    return Draft({"told": told, "unit": small}, work, str(total), cast(random))


UNIT_CONVERSION = Family(
    "unit_conversion",
    _unit_conversion,
    stories("""
        How many {wanted} are {n} {unit}?
        Convert {n} {unit} to {wanted}.
        Change {n} {unit} into {wanted}.
        {n} {unit} = ? {wanted}
        {n} {unit} in {wanted}
        Write {n} {unit} in {wanted}.
        What is {n} {unit} in {wanted}?
        Express {n} {unit} in {wanted}.
        {name} measures {n} {unit}. How many {wanted} is that?
        How many {wanted} do {n} {unit} make?
        Give {n} {unit} as a number of {wanted}.
        {n} {unit} are how many {wanted}?
        Please turn {n} {unit} into {wanted}.
        A {job} writes down {n} {unit}. What is it in {wanted}?
        Find the number of {wanted} in {n} {unit}.
        If something is {n} {unit}, how many {wanted} is it?
        {name} needs {n} {unit} but the list is in {wanted}. Which number must be on the list?
        Tell me {n} {unit} in {wanted}.
        I have {n} {unit}. How much is that in {wanted}?
        Which number of {wanted} equals {n} {unit}?
        From {unit} to {wanted}: {n}
    """),
    stories("""
        Rewrite {n} {unit} with the unit {wanted}.
        A sign says {n} {unit}. {name} wants it in {wanted}. What number is it?
        To how many {wanted} do {n} {unit} come?
        How would you say {n} {unit} in {wanted}?
        {n} {unit} is the same as how many {wanted}?
        In {wanted}, {n} {unit} make what number?
        Transform {n} {unit} to {wanted}, please.
        Counting in {wanted} instead of {unit}, what do {n} {unit} become?
        State how many {wanted} there are in {n} {unit}.
        Unit wanted: {wanted}. Given: {n} {unit}. Number?
    """),
)

MIXED_UNITS = Family(
    "mixed_units",
    _mixed_units,
    stories("""
        How many {unit} are {told}?
        Convert {told} to {unit}.
        Change {told} into {unit}.
        {told} = ? {unit}
        {told} in {unit}
        Write {told} in {unit} only.
        What is {told} in {unit}?
        Express {told} in {unit}.
        {name} measures {told}. How many {unit} is that in all?
        How many {unit} do {told} make together?
        Give {told} as a number of {unit}.
        {told}: how many {unit} altogether?
        Please turn {told} into {unit}.
        A {job} writes down {told}. What is it in {unit}?
        Find the number of {unit} in {told}.
        If something is {told}, how many {unit} is it?
        {name} needs {told} but the list is in {unit}. Which number must be on the list?
        Tell me {told} in {unit}.
        I have {told}. How much is that in {unit}?
        Which number of {unit} equals {told}?
    """),
    stories("""
        Rewrite {told} with the one unit {unit}.
        A sign says {told}. {name} wants it in {unit}. What number is it?
        To how many {unit} do {told} come?
        How would you say {told} in {unit} alone?
        {told} is the same as how many {unit}?
        In {unit}, {told} make what number?
        Transform {told} to {unit}, please.
        Counting only in {unit}, what do {told} become?
        State how many {unit} there are in {told}.
        Unit wanted: {unit}. Given: {told}. Number?
    """),
)

FAMILIES = (UNIT_CONVERSION, MIXED_UNITS)
