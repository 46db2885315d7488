"""Parts of a whole: a fraction of a group and the rest, a fraction of what was left, and per cent of a group."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories

_IN_WORDS = {
    (1, 2): "half",
    (1, 3): "a third",
    (1, 4): "a quarter",
    (1, 5): "a fifth",
    (1, 6): "a sixth",
    (1, 8): "an eighth",
    (1, 10): "a tenth",
    (2, 3): "two thirds",
    (3, 4): "three quarters",
    (2, 5): "two fifths",
    (3, 5): "three fifths",
}


def _fraction(random: Random, level: int) -> tuple[int, int]:
    """A proper fraction in lowest terms: at the first level often one part, with denominators up to 12 at the third."""
    denominators = {1: (2, 3, 4, 5, 6, 8, 10), 2: (3, 4, 5, 6, 7, 8, 9, 10), 3: range(3, 13), 4: range(5, 20)}[level]
    denominator = random.choice(denominators)
    if level == 1 and random.random() < 0.6:
        return 1, denominator
    coprime = [n for n in range(1, denominator) if all(n % d or denominator % d for d in range(2, n + 1))]
    return random.choice(coprime), denominator


def _told(random: Random, fraction: tuple[int, int], number: str = "") -> dict[str, str]:
    """A fraction as the story tells it: {part} of the marbles, or {Part} at the start of a sentence."""
    part = f"{fraction[0]}/{fraction[1]}"
    if fraction == (1, 2) or (fraction in _IN_WORDS and random.random() < 0.4):
        part = _IN_WORDS[fraction]
    return {f"part{number}": part, f"Part{number}": part.capitalize()}


def _take(work: NamedWork, name: str, total: int, fraction: tuple[int, int]) -> int:
    """That fraction of the total: one part, then the parts."""
    numerator, denominator = fraction
    part = work.called(f"1/{denominator}").exact_quotient(total, denominator)
    return part if numerator == 1 else work.called(name).multiply(part, numerator)


def _part_of_whole(random: Random, level: int) -> Draft:
    fraction = _fraction(random, level)
    total = fraction[1] * random.randint(2, {1: 9, 2: 20, 3: 60, 4: 150}[level])
    work = NamedWork()
    taken = _take(work, "part", total, fraction)
    rest = work.called("rest").subtract(total, taken)
    values = {"total": total, "fraction": fraction}
    return Draft(values, work, str(rest), cast(random, 2, 2) | _told(random, fraction))


def _part_of_rest(random: Random, level: int) -> Draft:
    first, second = _fraction(random, level), _fraction(random, level)
    factor = random.randint(1, {1: 3, 2: 6, 3: 12, 4: 30}[level])
    total = first[1] * second[1] * factor
    work = NamedWork()
    taken = _take(work, "part", total, first)
    rest = work.called("rest").subtract(total, taken)
    taken = _take(work, "part", rest, second)
    left = work.called("left").subtract(rest, taken)
    scenery = cast(random, 2, 2) | _told(random, first) | _told(random, second, "2")
    return Draft({"total": total, "first": first, "second": second}, work, str(left), scenery)


def _percent_of_group(random: Random, level: int) -> Draft:
    percent = 10 * random.randint(1, 9) if level == 1 else 5 * random.randint(1, 19)
    unit = 10 if level == 1 else 20 if percent % 10 else 10
    total = unit * random.randint(2, {1: 20, 2: 30, 3: 99, 4: 500}[level])
    work = NamedWork()
    part = work.called("part").percent(percent, total)
    rest = work.called("rest").subtract(total, part)
    return Draft({"total": total, "percent": percent}, work, str(rest), cast(random, 2, 2))


PART_OF_WHOLE = Family(
    "part_of_whole",
    _part_of_whole,
    stories("""
        {name} has {total} {things}. {He} gives {part} of them to {name2}. How many {things} does {he} keep?
        There are {total} {things} in a box. {Part} of them are red, the others are blue. How many are blue?
        Of {total} pupils, {part} come by bus. The rest walk. How many pupils walk?
        {total} {things} are for sale. On the first day {part} of them are sold. How many are left?
        {name} has read {part} of a book with {total} pages. How many pages are left to read?
        {Part} of {total} {things} are broken. How many are not broken?
        A tank of {total} litres loses {part} of its water. How many litres remain?
        {name} spends {part} of {total} dollars. How many dollars does {he} still have?
        {total} people are at the {place}. If {part} of them leave, how many stay?
        A {job} uses {part} of {total} {things}. How many {things} are not used?
        {total} {things}, {part} of them gone: how many are left?
        In a team of {total} people {part} are women. How many are men?
        {name} baked {total} {things2}. {Part} of the {things2} were eaten. How many {things2} remained?
        Take away {part} of {total} {things}. How many are there then?
        The way to the {place} is {total} km long. {name} has gone {part} of it. How many km are still to go?
        How many of {total} {things} are left if {name2} takes {part} of them?
        Please find the rest when {part} of {total} is taken away.
        I had {total} {things} and lost {part} of them. How many do I have now?
        A garden has {total} flowers. {Part} of the flowers are roses. How many flowers are not roses?
        {name} answers {part} of {total} questions correctly. How many does {he} not answer correctly?
        A film lasts {total} minutes. {Part} of it is over. How many minutes are still to come?
    """),
    stories("""
        {Part} of the {total} {things} of {name} are old. What is the number of {things} that are not old?
        A farmer has {total} animals, and {part} of them are sheep. How many other animals are there?
        Out of {total} letters, {name} has answered {part}. How many wait for an answer?
        {name2} buys {part} of {total} {things} that {name} had. What number of {things} does {name} still own?
        Of the {total} seats in a theatre, {part} are taken. How many seats are free?
        {total} cm of ribbon were on a roll until {name} cut off {part} of it. How many cm are on the roll now?
        If {part} of {total} {things} are hidden, how many can be seen?
        A cook has {total} eggs and boils {part} of them. How many eggs are not boiled?
        {Part} of the {total} runners gave up. How many runners reached the goal?
        How much of {total} dollars is left to {name} when {part} of the money is paid for rent?
    """),
)

PART_OF_REST = Family(
    "part_of_rest",
    _part_of_rest,
    stories("""
        {name} has {total} {things}. {He} gives {part} of them to {name2}, then {part2} of the rest to the {place}.
          How many are left?
        Of {total} pupils, {part} come by bus. Of the others, {part2} come by bike. The rest walk. How many pupils
          walk?
        There are {total} {things} in a box. {Part} of them are red. Of the rest, {part2} are blue. All others are
          green. How many are green?
        {name} spends {part} of {total} dollars on food and {part2} of what is left on {things}. How many dollars
          does {he} have then?
        A book has {total} pages. {name} reads {part} of them on Monday and {part2} of the remaining pages on
          Tuesday. How many pages are left?
        {total} {things} are sold: {part} of them in the morning and {part2} of the rest in the afternoon. How many
          are not sold?
        A tank of {total} litres loses {part} of its water, and later {part2} of the remaining water. How many litres
          are left?
        {total} people are at the {place}. First {part} of them leave, then {part2} of those who stayed. How many are
          still there?
        Take {part} of {total} away, then {part2} of the rest. What remains?
        {name} drives {total} km. {Part} of the way is by train, {part2} of the rest by bus, and the remainder on
          foot. How many km are on foot?
        A {job} uses {part} of {total} {things}, then {part2} of the {things} that are left. How many are left in the
          end?
        {total} eggs: {part} are boiled, {part2} of the others are fried, the rest stay raw. How many stay raw?
        {name} gives away {part} of {his} {total} {things}. After that {he} loses {part2} of the remaining ones. How
          many does {he} have?
        {Part} of a class of {total} pupils play football. {Part2} of the other pupils swim. The rest dance. How many
          dance?
        Please find what is left of {total} after {part} is taken, and then {part2} of the rest.
        I had {total} {things}. I lost {part} of them and sold {part2} of those that were left. How many do I have?
        A field has {total} trees. {Part} are apple trees. Of the rest, {part2} are plum trees. How many are neither?
        {name} eats {part} of {total} {things2}, and {name2} eats {part2} of what {name} left. How many {things2} are
          left?
        In a town with {total} houses {part} are old. Of the houses that are not old, {part2} are white. How many are
          neither old nor white?
        From {total} dollars, {part} goes to rent. From the remaining money, {part2} goes to the bank. What is left
          in dollars?
        {name} baked {total} {things2}. {Part} were sold, {part2} of the rest were given away, and {he} kept the
          others. How many did {he} keep?
    """),
    stories("""
        {Part} of {total} {things} went to {name}. {name2} got {part2} of what remained, and a {job} got all others.
          How many did the {job} get?
        On the first day {part} of {total} tickets are sold, on the second day {part2} of the tickets still there.
          How many tickets remain?
        Of {total} letters {name} answers {part} today. Tomorrow {he} will answer {part2} of the remaining letters.
          How many will be left?
        {total} litres of milk: {part} is made into cheese and {part2} of the remainder into butter. How many litres
          are over?
        A ship with {total} crates unloads {part} of them, and at the next harbour {part2} of the crates on board.
          How many crates are on board now?
        What is left of {total} {things} when {name} takes {part} of them and {name2} takes {part2} of the {things}
          left by {name}?
        First {part} of the {total} runners gave up, later {part2} of the ones still running. How many runners
          finished?
        {name} paints {part} of a fence of {total} metres. {name2} paints {part2} of the unpainted part. How many
          metres are still unpainted?
        A library lends {part} of {total} books. Of the books that stay, {part2} are too old. How many books stay and
          are not too old?
        After {part} of {total} balloons flew away and {part2} of the remaining ones burst, how many balloons were
          there?
    """),
)

PERCENT_OF_GROUP = Family(
    "percent_of_group",
    _percent_of_group,
    stories("""
        Of {total} pupils, {percent}% come by bus. How many pupils do not come by bus?
        {name} has {total} {things}. {percent}% of them are red. How many are not red?
        {percent} percent of {total} {things} are sold. How many are left?
        A school has {total} pupils, {percent}% of them girls. How many boys are there?
        {name} spends {percent}% of {total} dollars. How many dollars remain?
        In a box of {total} {things}, {percent}% are broken. How many are good?
        {total} people were asked, and {percent}% said yes. All others said no. How many said no?
        {name} has read {percent}% of {total} pages. How many pages are left?
        {percent}% of the {total} seats at the {place} are taken. How many seats are free?
        A test has {total} questions. {name} gets {percent}% of them right. How many does {he} get wrong?
        A {job} uses {percent} percent of {total} {things}. How many are not used?
        How many of {total} {things} are left after {percent}% of them are given away?
        {total} {things}, minus {percent}%: how many?
        A tank with {total} litres loses {percent}% of its water. How many litres stay in it?
        {name} gives {name2} {percent}% of {his} {total} {things}. How many does {name} keep?
        A flight has {total} passengers. {percent} percent of them are adults. How many are children?
        Please find how many remain if {percent}% of {total} go away.
        I had {total} {things} and lost {percent} percent of them. How many do I have now?
        Out of {total} trees, {percent}% are oaks. How many trees are not oaks?
        The trip is {total} km long. {percent}% of it is done. How many km are still to go?
        {name} baked {total} {things2}, and {percent}% of them were eaten. How many were not eaten?
    """),
    stories("""
        {total} runners start, but {percent}% give up. How many runners finish?
        A farm has {total} animals; {percent} percent are sheep. What is the number of the other animals?
        What number of {things} does {name} still own if {he} sells {percent} percent of {total}?
        {percent}% of {total} letters are answered. How many letters are without an answer?
        {name2} takes {percent} percent of the {total} {things} on the table. How many stay on the table?
        A concert has {total} tickets. When {percent}% of these are gone, how many can still be bought?
        Rain fell on {percent}% of {total} days. On how many days did no rain fall?
        From {total} dollars {percent} percent is taken as tax. How many dollars are left?
        Of the {total} players in a club, {percent} percent are new. How many are not new?
        With {percent}% of the {total} {things} hidden in a cellar, how many {things} are not hidden?
    """),
)

FAMILIES = (PART_OF_WHOLE, PART_OF_REST, PERCENT_OF_GROUP)
