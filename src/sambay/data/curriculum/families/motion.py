"""Rates over time: distance from speed and time and back, simple interest, profit and loss."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from .scenery import THINGS
from .wording import asked, asked_held_out, crossed


def _speed_distance_time(random: Random, level: int) -> Draft:
    """One of distance, speed and time from the other two; from level 3 on the time may be in minutes."""
    if level > 2 and random.random() < 0.5:
        return _in_minutes(random, level)
    time, speed = random.randint(2, (9, 12, 12, 12)[level - 1]), random.randint(2, (40, 120, 400, 2000)[level - 1])
    distance, work = time * speed, Work()
    wanted = random.choice(("distance", "speed", "time"))
    if wanted == "distance":
        given, answer = f"{speed} km/h for {time} hours", work.multiply(speed, time)
        wanted = "distance in km"
    elif wanted == "speed":
        given, answer = f"{distance} km in {time} hours", work.quotient(distance, time)
        wanted = "speed in km/h"
    else:
        time, speed = speed, time
        given, answer = f"{distance} km at {speed} km/h", work.quotient(distance, speed)
        wanted = "time in hours"
    return Draft({"given": given, "wanted": wanted}, work, str(answer))


def _in_minutes(random: Random, level: int) -> Draft:
    """Distance of so many minutes: an hour has 60."""
    minutes = random.choice((5, 6, 10, 12, 15, 20, 30, 40, 45, 90))
    each = next(speed for speed in range(1, 61) if speed * minutes % 60 == 0)
    speed = each * random.randint(1, (120, 400)[level - 3] // each)
    work = Work()
    product = work.multiply(speed, minutes)
    work.say(f"{product}/60={product // 10}/6")
    answer = work.quotient(product // 10, 6)
    return Draft({"given": f"{speed} km/h for {minutes} minutes", "wanted": "distance in km"}, work, str(answer))


SPEED_DISTANCE_TIME = Family(
    "speed_distance_time",
    _speed_distance_time,
    wordings=(
        *crossed(
            ("A car drives {given}.", "A train goes {given}.", "A cyclist rides {given}.", "A ship sails {given}."),
            ("What is the {wanted}?", "Find the {wanted}.", "How much is the {wanted}?", "Calculate its {wanted}."),
        ),
        "{given}; {wanted}?",
        "Someone travels {given}. What is the {wanted}?",
        "Going {given}, what is the {wanted}?",
        "A bus moves {given}. Determine the {wanted}.",
        "A trip: {given}. Please compute the {wanted}.",
        "If a plane flies {given}, what is the {wanted}?",
        "Find the {wanted} of a journey of {given}.",
    ),
    held_out_wordings=(
        *crossed(
            ("A lorry travels {given}.", "We drove {given}.", "A bird flies {given}."),
            ("Tell me the {wanted}.", "Which {wanted} is that?"),
        ),
        "Work out the {wanted} for {given}.",
        "What {wanted} belongs to {given}?",
        "The motion is {given}. I need the {wanted}.",
        "Could you find the {wanted} if a boat goes {given}?",
    ),
)


def _simple_interest(random: Random, level: int) -> Draft:
    """Hundredths of the sum, times per cent, times years; from level 2 on the final amount may be asked for."""
    principal = 100 * random.randint(1, (30, 60, 99, 500)[level - 1])
    percent, years = random.randint(2, (9, 9, 12, 15)[level - 1]), random.randint(2, (5, 9, 12, 15)[level - 1])
    work = Work()
    yearly = work.multiply(work.quotient(principal, 100), percent)
    answer = work.multiply(yearly, years)
    wanted = "interest"
    if level > 1 and random.random() < 0.5:
        wanted, answer = "final amount", work.add(principal, answer)
    values = {"principal": principal, "percent": percent, "years": years, "wanted": wanted}
    return Draft(values, work, str(answer))


SIMPLE_INTEREST = Family(
    "simple_interest",
    _simple_interest,
    wordings=(
        *asked(
            "the {wanted} in dollars for {principal} dollars at {percent}% simple interest over {years} years",
            "the {wanted} when {principal} euros earn {percent}% simple interest a year for {years} years",
        ),
        "{principal} at {percent}% simple interest, {years} years: {wanted}?",
        "You put {principal} dollars into an account with {percent}% simple interest a year. "
        "What is the {wanted} after {years} years?",
        "A loan of {principal} dollars bears {percent}% simple interest. What is the {wanted} after {years} years?",
        "Principal {principal}, rate {percent}% a year, time {years} years, simple interest. Find the {wanted}.",
        "{principal} coins are saved at a simple {percent}% a year for {years} years. How much is the {wanted}?",
        "With simple interest at {percent}%, what {wanted} do {principal} dollars give in {years} years?",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} on {principal} dollars lent for {years} years at a simple {percent}% a year",
        "the {wanted} after {years} years if {principal} euros are invested at {percent}% simple interest",
    ),
)


def _profit_loss(random: Random, level: int) -> Draft:
    """Of goods bought and sold: in all, and from level 3 on in per cent of what they cost."""
    most = (60, 90, 400, 900)[level - 1]
    bought, sold = random.randint(5, most), random.randint(5, most)
    sold += bought == sold
    count = 1 if level == 1 else random.randint(2, 12)
    work = Work()
    if level > 2 and random.random() < 0.5:
        return _per_cent(random, work, level)
    wanted = "profit" if sold > bought else "loss"
    answer = work.subtract(max(bought, sold), min(bought, sold))
    if count > 1:
        answer = work.multiply(answer, count)
    each = " each" if count > 1 else ""
    values = {"count": count, "bought": f"{bought} dollars{each}", "sold": f"{sold} dollars{each}", "wanted": wanted}
    return Draft(values, work, str(answer), {"goods": _goods(random, count)})


def _goods(random: Random, count: int) -> str:
    one, many = random.choice(THINGS)
    article = "an" if one[0] in "aeiou" else "a"
    return f"{article} {one}" if count == 1 else f"{count} {many}"


def _per_cent(random: Random, work: Work, level: int) -> Draft:
    percent = 5 * random.randint(1, 12)
    unit = next(number for number in range(1, 101) if number * percent % 100 == 0)
    bought = unit * random.randint(1, (12, 40)[level - 3])
    change = bought * percent // 100
    wanted = random.choice(("profit", "loss"))
    sold = bought + change if wanted == "profit" else bought - change
    difference = work.subtract(max(bought, sold), min(bought, sold))
    hundredfold = work.multiply(difference, 100)
    answer = work.quotient(hundredfold, bought)
    values = {"count": 1, "bought": f"{bought} dollars", "sold": f"{sold} dollars", "wanted": f"{wanted} in per cent"}
    return Draft(values, work, str(answer), {"goods": _goods(random, 1)})


PROFIT_LOSS = Family(
    "profit_loss",
    _profit_loss,
    wordings=(
        *crossed(
            (
                "A shop buys {goods} for {bought} and sells for {sold}.",
                "Someone buys {goods} for {bought} and resells for {sold}.",
                "A trader bought {goods} at {bought} and sold at {sold}.",
                "Buying {goods} costs {bought}, selling brings {sold}.",
            ),
            ("What is the {wanted}?", "Find the {wanted}.", "How much is the {wanted}?", "Calculate the {wanted}."),
        ),
        "{goods}: bought for {bought}, sold for {sold}; {wanted}?",
        "What is the {wanted} if {goods} cost {bought} and sell for {sold}?",
        "If you buy {goods} for {bought} and sell for {sold}, what is the {wanted}?",
        "Cost: {bought}. Sale: {sold}. Goods: {goods}. What is the {wanted}?",
    ),
    held_out_wordings=(
        *crossed(
            (
                "For {goods} a dealer pays {bought}; customers pay {sold}.",
                "The cost of {goods} is {bought} and the selling price {sold}.",
            ),
            (
                "Tell me the {wanted}.",
                "How much {wanted} is made?",
                "Please work out the {wanted}.",
                "State the {wanted}.",
            ),
        ),
        "How large is the {wanted} on {goods}, bought at {bought} and sold at {sold}?",
        "Determine the {wanted} made with {goods} that cost {bought} and went for {sold}.",
    ),
)

FAMILIES = (SPEED_DISTANCE_TIME, SIMPLE_INTEREST, PROFIT_LOSS)
