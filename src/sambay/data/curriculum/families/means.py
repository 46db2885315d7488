"""Numbers that stand for a list: mean, median, mode and range, and the mean of several groups."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from .sequences import commas
from .wording import asked, asked_held_out, crossed


def _mean(random: Random, level: int) -> Draft:
    """Sum over count; from level 3 on also the number that brings a list to a given mean."""
    count, most = random.randint(*((3, 4), (4, 5), (4, 6), (6, 8))[level - 1]), (20, 60, 99, 400)[level - 1]
    numbers = [random.randint(1, most) for _ in range(count)]
    numbers[-1] += -sum(numbers) % count
    mean, work = sum(numbers) // count, Work()
    if level > 2 and random.random() < 0.4:
        total = work.multiply(mean, count)
        answer = work.subtract(total, work.add(*numbers[:-1]))
        given = f"{commas(numbers[:-1])} and one more number, all with mean {mean}"
        return Draft({"numbers": given, "wanted": "missing number"}, work, str(answer))
    answer = work.quotient(work.add(*numbers), count)
    return Draft({"numbers": commas(numbers), "wanted": random.choice(("mean", "average"))}, work, str(answer))


MEAN = Family(
    "mean",
    _mean,
    wordings=(
        *asked("the {wanted} of {numbers}", "the {wanted} for the numbers {numbers}"),
        "{wanted} of {numbers}?",
        "{numbers}: {wanted}?",
        "The numbers are {numbers}. What is the {wanted}?",
        "Look at {numbers}. Find the {wanted}.",
        "A pupil has the scores {numbers}. What is the {wanted}?",
        "The heights of some plants in cm: {numbers}. Give the {wanted}.",
        "On some days a shop sold {numbers} cakes. Calculate the {wanted}.",
    ),
    held_out_wordings=asked_held_out("the {wanted} in the list {numbers}", "the {wanted}, the data being {numbers}"),
)


def _median(random: Random, level: int) -> Draft:
    """The middle of the sorted list, or half the sum of the two in the middle."""
    count = random.choice(((3, 5), (5, 7), (4, 6, 7), (8, 9))[level - 1])
    most = (30, 60, 99, 300)[level - 1]
    numbers = [random.randint(1, most) for _ in range(count)]
    if count % 2 == 0:
        lower, upper = sorted(numbers)[count // 2 - 1 : count // 2 + 1]
        numbers = [number + (lower + upper) % 2 * (number >= upper) for number in numbers]
    ordered, work, half = sorted(numbers), Work(), count // 2
    work.say(f"sorted: {commas(ordered)}")
    if count % 2:
        work.say(f"{half} before, {half} after: {ordered[half]}")
        return Draft({"numbers": commas(numbers)}, work, str(ordered[half]))
    work.say(f"{half - 1} before, {half - 1} after: {ordered[half - 1]}, {ordered[half]}")
    answer = work.quotient(work.add(ordered[half - 1], ordered[half]), 2)
    return Draft({"numbers": commas(numbers)}, work, str(answer))


MEDIAN = Family(
    "median",
    _median,
    wordings=(
        *asked("the median of {numbers}", "the median for the numbers {numbers}"),
        "median of {numbers}?",
        "{numbers}: median?",
        "The numbers are {numbers}. What is the median?",
        "Sort {numbers} and find the median.",
        "The ages of some people are {numbers}. What is the median age?",
        "The scores were {numbers}. Give the median.",
        "Which number is the median of {numbers}?",
    ),
    held_out_wordings=asked_held_out("the median in the list {numbers}", "the median, the data being {numbers}"),
)


def _mode_and_range(random: Random, level: int) -> Draft:
    """The number that comes most often, or the largest less the smallest."""
    count, most = random.randint(*((4, 5), (5, 6), (6, 7), (9, 10))[level - 1]), (20, 60, 99, 400)[level - 1]
    numbers = random.sample(range(1, most + 1), count)
    work = Work()
    if random.random() < 0.5:
        work.say(f"largest {max(numbers)}, smallest {min(numbers)}")
        answer = work.subtract(max(numbers), min(numbers))
        return Draft({"numbers": commas(numbers), "wanted": "range"}, work, str(answer))
    # One number comes twice; or, from level 2 on, three times beside another that comes twice.
    numbers += numbers[:1] if level == 1 or random.random() < 0.5 else [*numbers[:1] * 2, numbers[1]]
    mode = numbers[0]
    random.shuffle(numbers)
    ordered = sorted(numbers)
    work.say(f"sorted: {commas(ordered)}")
    repeated = sorted({number for number in numbers if numbers.count(number) > 1})
    work.say(", ".join(f"{number} {numbers.count(number)} times" for number in repeated))
    work.say(f"most often {mode}")
    return Draft({"numbers": commas(numbers), "wanted": "mode"}, work, str(mode))


MODE_AND_RANGE = Family(
    "mode_and_range",
    _mode_and_range,
    wordings=(
        *asked("the {wanted} of {numbers}", "the {wanted} for the numbers {numbers}"),
        "{wanted} of {numbers}?",
        "{numbers}: {wanted}?",
        "The numbers are {numbers}. What is the {wanted}?",
        "Look at {numbers}. Find the {wanted}.",
        "The scores were {numbers}. Give the {wanted}.",
        "Which number is the {wanted} of {numbers}?",
    ),
    held_out_wordings=asked_held_out("the {wanted} in the list {numbers}", "the {wanted}, the data being {numbers}"),
)


def _weighted_mean(random: Random, level: int) -> Draft:
    """The mean of two groups, of three from level 3 on: each count times its mean, over all."""
    num_groups, most = (2, 2, 3, 3)[level - 1], (6, 6, 4, 9)[level - 1]
    highest = (40, 60, 60, 200)[level - 1]
    counts = [random.randint(2, most) for _ in range(num_groups)]
    means = [random.randint(2, highest) for _ in range(num_groups)]
    # The last group is drawn again until the mean of all is whole.
    while sum(count * mean for count, mean in zip(counts, means, strict=True)) % sum(counts):
        counts[-1], means[-1] = random.randint(1, most), random.randint(2, highest)
    work = Work()
    products = [work.multiply(count, mean) for count, mean in zip(counts, means, strict=True)]
    total = work.add(*products)
    answer = work.quotient(total, work.add(*counts))
    groups = [f"{count} with mean {mean}" for count, mean in zip(counts, means, strict=True)]
    return Draft({"groups": ", ".join(groups[:-1]) + f" and {groups[-1]}"}, work, str(answer))


WEIGHTED_MEAN = Family(
    "weighted_mean",
    _weighted_mean,
    wordings=(
        *asked("the mean of all numbers in groups of {groups}", "the overall average of {groups}"),
        *crossed(
            ("Groups of pupils: {groups}.", "The groups are {groups}.", "Some numbers come in groups: {groups}."),
            ("What is the mean of all?", "Find the overall mean.", "What is the average of all together?"),
        ),
        "{groups}: overall mean?",
    ),
    held_out_wordings=asked_held_out(
        "the combined mean of all numbers if there are {groups}",
        "the average of all the marks taken together, these being {groups}",
    ),
)

FAMILIES = (MEAN, MEDIAN, MODE_AND_RANGE, WEIGHTED_MEAN)
