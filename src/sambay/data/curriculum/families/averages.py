"""Averages: the number that is still missing for a wanted mean."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, listed, stories


def _average_score_needed(random: Random, level: int) -> Draft:
    count = {1: 2, 2: 3, 3: 4, 4: 6}[level]
    most = 20 if level == 1 else 100
    while True:
        scores = [random.randint(most // 3, most) for _ in range(count)]
        average = sum(scores) // count + random.randint(-most // 8, most // 8)
        needed = average * (count + 1) - sum(scores)
        if 0 < needed <= most:
            break
    work = NamedWork()
    total = work.called("so far").add(*scores)
    wanted = work.called("wanted").multiply(count + 1, average)
    work.called("needed").subtract(wanted, total)
    values = {"scores": listed([str(score) for score in scores]), "average": average, "count": count + 1}
    return Draft(values, work, str(needed), cast(random))


AVERAGE_SCORE_NEEDED = Family(
    "average_score_needed",
    _average_score_needed,
    stories("""
        {name}'s scores are {scores}. What must {he} score in the next test to have an average of {average}?
        After scores of {scores}, which score does {name} need next for a mean of {average} over all {count} tests?
        {name} wants an average of {average} in {count} tests. So far {he} has {scores}. What does {he} need in the
          last test?
        Scores so far: {scores}. Wanted average after {count} tests: {average}. Which last score is needed?
        In the first games a team made {scores} points. How many points must it make in game number {count} to have
          {average} points a game on average?
        {name} threw {scores} metres. How far must the next throw be, in metres, for an average of {average}?
        To get a mean of {average} out of {count} numbers, which number must join {scores}?
        The mean of {count} numbers is {average}. All but one are {scores}. What is the missing number?
        {name} sold {scores} {things} on the first days. How many must {he} sell on day {count} to have sold
          {average} a day on average?
        Which number has to be added to the list {scores} so that the average becomes {average}?
        A pupil has {scores} points in the tests before. What result in test {count} makes the average {average}?
        {name} read {scores} pages on the days before. How many pages must {he} read on day {count} for a mean of
          {average} a day?
        With {scores} already counted, what does the next value have to be for an average of {average}?
        Please find the score that brings the average of {scores} and itself to {average}.
        The {place} had {scores} visitors so far. How many must come on day {count} for an average of {average}
          visitors a day?
        I have {scores} points. What do I need next so that my average is {average}?
        {count} friends have {average} {things} on average. All but one have {scores}. How many does the last one
          have?
        {name} jumps {scores} cm. What must the next jump be in cm, if the average of all {count} shall be {average}
          cm?
        For an average of {average}, what comes after {scores}?
        {name}'s bus took {scores} minutes on the days before. How many minutes does it take on day {count} if the
          average is {average} minutes?
        Average wanted: {average}. Numbers known: {scores}. One number missing. Which?
    """),
    stories("""
        The numbers {scores} and one more have the mean {average}. Determine that number.
        So far {name} collected {scores} {things} a day. With how many on day {count} will {his} daily average be
          {average}?
        {name} hopes for an average of {average}. What result does {he} need now if the earlier ones were {scores}?
        Out of {count} weights with a mean of {average} kg, the known ones are {scores} kg. What does the other one
          weigh in kg?
        A player got {scores} points. In the last round, number {count}, what score lifts or lowers the average to
          exactly {average}?
        What has to be the last of {count} values, when the others are {scores} and all together average {average}?
        Suppose the average of {scores} and x is {average}. What is x?
        {count} trees are {average} metres high on average. The heights of the others being {scores} metres, how high
          is the last tree in metres?
        {name}'s marks: {scores}, and one still to come. The average of all {count} should be {average}. Which mark
          is to come?
        How much must be earned on day {count}, after {scores} dollars on the days before, to average {average}
          dollars a day?
    """),
)

FAMILIES = (AVERAGE_SCORE_NEEDED,)
