"""Equal groups: what each one gets, what is left over, how many containers are needed, how many there are in all."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories

# At each level: the most people that share, the most that each gets.
_MOST_PEOPLE = {1: 9, 2: 12, 3: 25, 4: 60}
_MOST_EACH = {1: 9, 2: 20, 3: 60, 4: 150}


def _shares(random: Random, level: int) -> tuple[int, int]:
    """A total and a number of people; each gets at least 2."""
    people = random.randint(2, _MOST_PEOPLE[level])
    return people * random.randint(2, _MOST_EACH[level]) + random.randrange(people), people


def _sharing_equally(random: Random, level: int) -> Draft:
    total, people = _shares(random, level)
    work = NamedWork()
    each, _ = work.called("each").divide(total, people)
    work.say(f"so {each}")
    return Draft({"total": total, "people": people}, work, str(each), cast(random))


def _sharing_leftover(random: Random, level: int) -> Draft:
    total, people = _shares(random, level)
    work = NamedWork()
    _, rest = work.called("each").divide(total, people)
    work.say(f"left over: {rest}")
    return Draft({"total": total, "people": people}, work, str(rest), cast(random))


def _container_capacity(random: Random, level: int) -> Draft:
    total, size = _shares(random, level)
    work = NamedWork()
    needed, rest = work.called("full").divide(total, size)
    if rest:
        needed = work.called("one more").add(needed, 1)
    work.say(f"so {needed}")
    return Draft({"total": total, "size": size}, work, str(needed), cast(random))


def _groups_total(random: Random, level: int) -> Draft:
    boxes = random.randint(2, {1: 9, 2: 12, 3: 40, 4: 150}[level])
    items = random.randint(2, {1: 9, 2: 30, 3: 90, 4: 400}[level])
    loose = random.randint(2, {1: 10, 2: 30, 3: 200, 4: 900}[level])
    work = NamedWork()
    packed = work.called("in groups").multiply(boxes, items)
    total = work.called("total").add(packed, loose)
    return Draft({"boxes": boxes, "items": items, "loose": loose}, work, str(total), cast(random, 2))


SHARING_EQUALLY = Family(
    "sharing_equally",
    _sharing_equally,
    stories("""
        {name} shares {total} {things} equally among {people} friends and keeps what is left over. How many {things}
          does each friend get?
        {people} children share {total} {things} fairly, and whole {things} only. How many does each child get at
          most?
        {total} {things} are divided equally among {people} people. How many whole {things} does each person get?
        How many {things} does each of {people} people get from {total} {things} if all get the same and the rest
          stays in the box?
        A {job} puts {total} {things} into {people} boxes, the same number in each, as many as possible. How many are
          in each box?
        {total} {things}, {people} bags, equal numbers: how many go into each bag at most?
        There are {total} {things} for {people} guests. Each guest gets the same number, as large as possible. What
          is that number?
        {name} deals {total} cards to {people} players until no full round is possible. How many cards does each
          player have?
        A teacher has {total} sheets of paper for {people} pupils and gives each the same number. How many sheets can
          each pupil get?
        The {place} gives {total} {things} in equal shares to {people} families. How many whole {things} does a
          family receive?
        {name} plants {total} tulips in {people} rows of the same length and has the rest left. How many tulips are
          in one row?
        Split {total} {things} into {people} equal groups as large as possible. How many are in a group?
        If {people} people take equal numbers of the {total} {things} and take as many as they can, how many does one
          take?
        {total} dollars are paid out in equal whole dollars to {people} workers. How many dollars does each worker
          get?
        {name} cuts a rope of {total} cm into {people} equal pieces of whole centimetres, as long as possible. How
          long is a piece in cm?
        Please share {total} {things} equally among {people}: how many whole ones for each?
        {people} teams are formed from {total} players, all of the same size and as large as possible. How many
          players has a team?
        {name} wants to give each of {people} cousins the same number of {things}. {He} has {total}. How many can
          {he} give to each?
        {total} books are put on {people} shelves, equally many on each. The rest stays on the floor. How many books
          are on a shelf?
        I have {total} {things} for {people} bowls. Each bowl gets the same number. How many can I put in each bowl?
        {total} eggs are laid into {people} baskets, the same number in each and as many as possible. How many eggs
          are in a basket?
    """),
    stories("""
        {people} pirates find {total} coins. They take equal shares and throw the rest into the sea. What does one
          pirate get?
        From {total} {things}, {name} makes {people} gifts that are all alike and as big as possible. How many
          {things} are in one gift?
        Equal shares for {people} of {total} {things}, nothing broken: what is one share?
        The most that {people} brothers can each have of {total} {things}, if none gets more than another, is how
          many?
        {total} {things} came in. {people} classes receive the same number each; a few may stay behind. How many go
          to a class?
        {name} hands out {total} {things} one by one to {people} people in turn and stops when not all can get
          another. How many has each?
        How large is a share when {total} {things} go to {people} people in whole and equal shares?
        {people} buses carry {total} people, as equally as possible in whole numbers. At least how many people are on
          every bus?
        Each of {people} plates is to hold the same number of the {total} {things}. Find the largest such number.
        What do {people} children get apiece if {total} {things} are given out evenly and nothing is cut?
    """),
)

SHARING_LEFTOVER = Family(
    "sharing_leftover",
    _sharing_leftover,
    stories("""
        {name} shares {total} {things} equally among {people} friends. How many {things} are left over?
        {people} children share {total} {things} fairly, whole {things} only. How many remain?
        {total} {things} are packed in boxes of {people}. How many {things} do not fill a box?
        How many {things} are left when {total} {things} are put into bags of {people}?
        A {job} makes full sets of {people} from {total} {things}. How many {things} are left over?
        {total} {things}, {people} in each bag: how many are over?
        There are {total} {things} for {people} guests, and all get equally many. How many {things} stay on the table?
        {name} deals {total} cards to {people} players, the same number to each and as many as possible. How many
          cards are left in {his} hand?
        {total} pupils form teams of {people}. How many pupils are without a full team?
        The {place} gives {total} {things} in equal shares to {people} families. How many whole {things} are not
          given away?
        {name} plants {total} tulips in full rows of {people}. How many tulips are left?
        Split {total} {things} into {people} equal groups as large as possible. How many do not belong to a group?
        Buses with {people} seats are filled one after the other by {total} people. How many sit in the bus that is
          not full? If all are full, say 0.
        {total} dollars are paid out in equal whole dollars to {people} workers. How many dollars are not paid out?
        {name} cuts pieces of {people} cm from a rope of {total} cm as often as possible. How many cm are left?
        Please divide {total} {things} among {people} and say how many remain.
        What remains if {people} people take equal numbers of the {total} {things} and take as many as they can?
        {name} gives each of {people} cousins the same number of {things}. {He} has {total} and gives away as many as
          possible. How many does {he} keep?
        {total} books stand on shelves with {people} books each. The rest lies on the floor. How many lie on the
          floor?
        I put {total} {things} into {people} bowls, equally many in each and as many as I can. How many are left in
          my hand?
        {total} eggs are laid into cartons for {people} eggs. How many eggs do not fill a carton?
    """),
    stories("""
        {people} pirates find {total} coins. They take equal shares and throw the rest into the sea. How many coins
          does the sea get?
        From {total} {things}, {name} makes as many gifts of {people} {things} as {he} can. How many {things} are
          unused?
        Equal shares for {people} of {total} {things}, nothing broken: what is over?
        After {people} brothers have each taken the same number, as large as possible, of {total} {things}, what
          remains?
        {total} {things} came in and were bundled in groups of {people}. How many were not bundled?
        {name} counts off {total} {things} in steps of {people} and stops before the last step is too large. How many
          are not counted?
        How many of {total} {things} are left over once {people} people have got whole and equal shares that are as
          large as possible?
        From {total} tiles as many full rows of {people} tiles as possible are laid. How many tiles are unused?
        {people} plates hold the same number of {things}, as many as {total} allow. What number of {things} found no
          plate?
        If {total} {things} are given out evenly to {people} children and nothing is cut, how many cannot be given
          out?
    """),
)

CONTAINER_CAPACITY = Family(
    "container_capacity",
    _container_capacity,
    stories("""
        A box holds {size} {things}. How many boxes does {name} need for {total} {things}?
        {total} people want to cross a river. A boat takes {size}. How many trips of the boat are needed?
        {total} pupils go on a trip in buses with {size} seats. How many buses are needed?
        How many bags are needed for {total} {things} if a bag holds at most {size}?
        {name} has {total} photos. {size} photos fit on a page. How many pages does {he} need?
        {total} {things}, at most {size} in a box: how many boxes?
        Each table has {size} seats. How many tables are needed for {total} guests?
        A {job} must move {total} {things} and can carry {size} at a time. How many times must the {job} walk?
        A lift carries {size} people. {total} people wait. How many rides are needed to bring them all up?
        {total} litres of juice are poured into cans of {size} litres. How many cans are needed to hold it all?
        The {place} buys packs of {size} {things}. It needs {total} {things}. How many packs must it buy?
        {name} reads {size} pages a day. On how many days does {he} read in a book of {total} pages?
        Tents for {size} people each are put up for {total} people. How many tents must there be?
        {total} eggs must all go into cartons with {size} places. How many cartons are used?
        What is the least number of shelves for {total} books if a shelf takes {size} books?
        Please say how many boxes of {size} are needed to pack all of {total} {things}.
        I need {total} {things}. They are sold in packs of {size}. How many packs do I have to buy?
        A truck takes {size} crates. There are {total} crates at the {place}. How many times must the truck drive?
        {name} needs {total} {things} for a party. A packet contains {size}. At least how many packets does {he} need?
        {size} cars fit on a ferry. {total} cars are waiting. After how many trips have all been taken across?
        Rooms with {size} beds are given to {total} guests. How many rooms are needed?
    """),
    stories("""
        Nobody may stay behind: {total} hikers, and each cabin sleeps {size}. How many cabins must be booked?
        {name} stacks {total} {things} in towers of at most {size}. What is the smallest number of towers?
        No more than {size} {things} fit in a drawer. {name} owns {total}. How many drawers must {he} have?
        For {total} {things}, how many baskets have to be brought if each takes {size}?
        Every envelope takes {size} sheets. {total} sheets are to be sent. How many envelopes does that take?
        {total} tonnes of sand, and a wagon that takes {size} tonnes: how often must it be loaded to move it all?
        Groups of up to {size} visitors are let in. {total} visitors came. What is the smallest possible number of
          groups?
        Candles come in boxes of {size}. A {job} wants {total} candles. How many boxes must be opened?
        A bench seats {size}. How many benches must be set up so that {total} people can sit?
        {name} washes {total} plates, {size} in one go. How many goes are needed until all are clean?
    """),
)

GROUPS_TOTAL = Family(
    "groups_total",
    _groups_total,
    stories("""
        {name} has {boxes} boxes with {items} {things} each and {loose} loose {things}. How many {things} are there
          in all?
        There are {boxes} shelves with {items} books each. Another {loose} books lie on the floor. How many books is
          that?
        {name} buys {boxes} bags of {items} {things}. At home {he} has {loose} more. How many {things} does {he} have
          together?
        A hall has {boxes} rows of {items} seats and {loose} extra chairs. How many people can sit?
        {boxes} packs with {items} {things} each, and {loose} more: how many in all?
        How many {things} are in {boxes} bags of {items} and a basket of {loose}?
        Each of {boxes} buses carries {items} people; {loose} people come by car. How many people come?
        A {job} makes {items} {things} a day for {boxes} days and then {loose} more. How many {things} are made?
        {loose} {things} are on the table. In each of {boxes} drawers there are {items} more. How many are there
          altogether?
        In {boxes} classes there are {items} pupils each. {loose} pupils join the school. How many pupils are there
          then?
        {name} plants {boxes} rows of {items} trees and {loose} trees by the house. How many trees does {he} plant?
        {name} fills {boxes} jars with {items} {things} each and has {loose} left. How many {things} did {he} have?
        The {place} orders {boxes} crates of {items} {things}; {loose} {things} were there before. How many are there
          now?
        Find the total of {boxes} groups of {items} and {loose} single ones.
        {name} reads {items} pages on each of {boxes} days and {loose} pages on the day after. How many pages does
          {he} read?
        Please count: {boxes} baskets, {items} {things} in each, and {loose} {things} beside them.
        I have {boxes} albums with {items} stamps each and {loose} stamps in an envelope. How many stamps do I have?
        {boxes} friends bring {items} {things} each to {name}, who already has {loose}. How many {things} are there
          then?
        A tank gets {items} litres an hour for {boxes} hours. It held {loose} litres before. How many litres does it
          hold?
        {name2} has {loose} {things}. {name} gives {him2} {boxes} packets with {items} {things} in each. How many
          does {name2} have now?
        What is the number of {things} if {boxes} boxes contain {items} each and {loose} are outside?
    """),
    stories("""
        Besides {loose} loose {things}, {name} owns {boxes} cartons, and each carton contains {items}. What is the
          number of all {things}?
        {boxes} times {name} carries {items} {things} into the {place}, and once {he} carries {loose}. How many has
          {he} carried?
        On a farm {boxes} hens lay {items} eggs each, and {loose} eggs are bought. How many eggs does the farm have?
        A necklace has {boxes} strings with {items} beads and a middle part with {loose} beads. How many beads are on
          it?
        How many tiles are used for {boxes} rooms with {items} tiles each and a path with {loose} tiles?
        A book has {boxes} chapters of {items} pages, and {loose} pages of notes. How many pages are in the book?
        Into a hat go {loose} {things} from {name2}, and {items} from each of {boxes} other people. What number of
          {things} is in the hat?
        {name} sold {items} tickets on each of {boxes} evenings, and {loose} tickets at noon on Sunday. What is the
          number of tickets sold?
        With {items} {things} in every one of {boxes} sacks, and with {loose} in a bucket, how many {things} are
          stored?
        The parade has {boxes} bands of {items} players, followed by {loose} riders. How many take part?
    """),
)

FAMILIES = (SHARING_EQUALLY, SHARING_LEFTOVER, CONTAINER_CAPACITY, GROUPS_TOTAL)
