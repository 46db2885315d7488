"""Shopping: what a basket costs, the change, what is left, and a price after a discount, in dollars or in cents."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ..named_work import NamedWork, dollars
from ..problem import Draft, Family
from .scenery import cast, listed, stories

# At each level: the largest number of things of a kind, the largest price in dollars.
_MOST_THINGS = {1: 9, 2: 12, 3: 9, 4: 40}
_MOST_DOLLARS = {1: 10, 2: 40, 3: 12, 4: 40}
_NOTES = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def _price(random: Random, level: int) -> int:
    """A price in cents: whole dollars at the first two levels, then any multiple of 5 cents."""
    whole = 100 * random.randint(2, _MOST_DOLLARS[level])
    return whole if level < 3 else whole + 5 * random.randint(1, 19)


def _kinds(random: Random, level: int, count: int) -> list[tuple[int, int]]:
    return [(random.randint(2, _MOST_THINGS[level]), _price(random, level)) for _ in range(count)]


def in_one_unit(work: NamedWork, *cents: int) -> tuple[int, ...]:
    """The amounts in dollars if all are whole, otherwise in cents, which the work says."""
    if not any(amount % 100 for amount in cents):
        return tuple(amount // 100 for amount in cents)
    work.say("cents: " + ", ".join(f"{dollars(amount)} is {amount}" for amount in cents))
    return cents


def in_dollars(work: NamedWork, amount: int, is_in_cents: bool) -> str:
    if not is_in_cents:
        return str(amount)
    work.say(f"dollars: {amount} is {dollars(amount)}")
    return dollars(amount)


def _cost(work: NamedWork, kinds: Sequence[tuple[int, int]], prices: Sequence[int]) -> int:
    costs = [
        work.called(f"cost {index}").multiply(number, price)
        for index, ((number, _), price) in enumerate(zip(kinds, prices, strict=True), 1)
    ]
    return work.called("total").add(*costs) if len(costs) > 1 else costs[0]


def _change_from_payment(random: Random, level: int) -> Draft:
    ((number, price),) = _kinds(random, level, 1)
    paid = 100 * random.choice([note for note in _NOTES if note * 100 > number * price][:2])
    work = NamedWork()
    one, given = in_one_unit(work, price, paid)
    cost = work.called("cost").multiply(number, one)
    change = work.called("change").subtract(given, cost)
    values = {"n": number, "p": dollars(price), "paid": dollars(paid)}
    return Draft(values, work, in_dollars(work, change, one == price), cast(random))


def _shopping_total(random: Random, level: int) -> Draft:
    kinds = _kinds(random, level, 2 if level < 3 else 3)
    slots = cast(random, num_people=2, num_things=3)
    work = NamedWork()
    prices = in_one_unit(work, *(price for _, price in kinds))
    total = _cost(work, kinds, prices)
    texts = [(number, slots[f"things{index or ''}"], dollars(price)) for index, (number, price) in _numbered(kinds)]
    scenery = {
        "at": listed([f"{number} {things} at ${price} each" for number, things, price in texts[1:]]),
        "more": listed([f"{number} {things} for {price} dollars each" for number, things, price in texts[1:]]),
        "prices": listed([f"${price} for each of {number} {things}" for number, things, price in texts[1:]]),
    }
    values = {"n": kinds[0][0], "p": dollars(kinds[0][1]), "others": [(n, dollars(price)) for n, price in kinds[1:]]}
    return Draft(values, work, in_dollars(work, total, prices[0] == kinds[0][1]), slots | scenery)


def _numbered(kinds: Sequence[tuple[int, int]]) -> list[tuple[int, tuple[int, int]]]:
    """Numbers as the slots of things have them: none, 2, 3."""
    return [(index + 1 if index else 0, kind) for index, kind in enumerate(kinds)]


def _money_left(random: Random, level: int) -> Draft:
    ((number, price),) = _kinds(random, level, 1)
    other = _price(random, level)
    money = -(-(number * price + other) // 100) * 100 + 100 * random.randint(1, _MOST_DOLLARS[level])
    work = NamedWork()
    has, one, last = in_one_unit(work, money, price, other)
    cost = work.called("cost").multiply(number, one)
    left = work.called("left").subtract(has, cost)
    left = work.called("left").subtract(left, last)
    values = {"money": dollars(money), "n": number, "p": dollars(price), "q": dollars(other)}
    return Draft(values, work, in_dollars(work, left, one == price), cast(random, num_people=2, num_things=2))


def _percent_discount(random: Random, level: int) -> Draft:
    percent = 5 * random.randint(1, 18) if level > 1 else 10 * random.randint(1, 9)
    price = random.randint(2, {1: 60, 2: 150, 3: 999, 4: 9999}[level])
    work = NamedWork()
    work.say(f"cents: {price} is {price * 100}")
    off = work.called("off").multiply(price, percent)
    left = work.called("to pay").subtract(price * 100, off)
    return Draft({"p": price, "percent": percent}, work, in_dollars(work, left, True), cast(random, 2, 1))


CHANGE_FROM_PAYMENT = Family(
    "change_from_payment",
    _change_from_payment,
    stories("""
        {name} buys {n} {things} at ${p} each and pays with ${paid}. How much change does {he} get, in dollars?
        One {thing} costs {p} dollars. {name} buys {n} of them with a {paid}-dollar note. How many dollars come back?
        At the {shop}, {name} takes {n} {things} for {p} dollars each and hands over {paid} dollars. What is the
          change?
        {name} pays ${paid} for {n} {things} that cost ${p} each. How much money does {he} get back?
        Each {thing} is {p} dollars. How much change from {paid} dollars is there for {n} {things}?
        {n} {things}, ${p} each, paid with ${paid}: what is the change in dollars?
        The price of {a_thing} is ${p}. {name} wants {n} and gives the seller ${paid}. How many dollars are given
          back?
        A {job} buys {n} {things}. Each costs {p} dollars, and {paid} dollars are paid. Find the change.
        Change from ${paid} for {n} {things} at ${p}?
        Please work out the change: {n} {things} at {p} dollars each are paid with {paid} dollars.
        With ${paid} in hand, {name} buys {n} {things}. They cost ${p} each. What change should {he} get?
        {name} has a note of {paid} dollars and buys {n} {things} priced at {p} dollars each. How much is returned?
        How much does the seller give back if {name} pays {n} {things} at ${p} apiece with ${paid}?
        In the {shop} {a_thing} costs ${p}. {name} puts {n} on the counter and pays ${paid}. What is {his} change?
        A school orders {n} {things} at {p} dollars each and sends {paid} dollars. How many dollars must be sent back?
        I pay with {paid} dollars and buy {n} {things} at {p} dollars each. What change do I get?
        {name} goes to the {shop} for {n} {things}. Each one is ${p}. {He} pays ${paid}. How much does {he} get back?
        Your bill is for {n} {things} at ${p} each. You give ${paid}. How much change is that?
        {n} children each want {a_thing} for {p} dollars. {name} pays for all with {paid} dollars. What is the change?
        A machine sells {things} for ${p} each. {name} buys {n} and puts in ${paid}. How many dollars come out as
          change?
        {name} gives the clerk {paid} dollars. {He} takes {n} {things}, each for {p} dollars. Find {his} change.
        Tell me the change for {n} {things} at ${p} each when I hand over ${paid}.
    """),
    stories("""
        The clerk gets ${paid} from {name} for {n} {things}. {A_thing} sells at ${p}. What must be returned?
        What does {name} get back from {paid} dollars after paying for {n} {things} worth {p} dollars each?
        For {n} {things} at {p} dollars a piece, a {job} gives {paid} dollars. State the change.
        {paid} dollars were paid. The goods were {n} {things}, {p} dollars for each. How large is the change?
        How many dollars remain of ${paid} once {n} {things} at ${p} each are paid for?
        "{n} {things}, please," says {name} and hands over ${paid}. If one costs ${p}, what comes back?
        Change wanted! Given: ${paid}. Bought: {n} {things}. Price of one: ${p}.
        Buying {n} {things} for ${p} each, {name} offers ${paid}. How many dollars of change are due to {him}?
        These {things} cost {p} dollars each. If you buy {n} and pay {paid} dollars, what change will you have?
        A customer's {paid} dollars have to cover {n} {things} at {p} dollars each. What is handed back?
    """),
)

SHOPPING_TOTAL = Family(
    "shopping_total",
    _shopping_total,
    stories("""
        {name} buys {n} {things} at ${p} each and {at}. How many dollars does {he} pay in all?
        What is the total cost of {n} {things} at ${p} each and {at}?
        At the {shop}, {name} picks {n} {things} for {p} dollars each and {more}. How much does it cost together?
        A {job} orders {n} {things} for {p} dollars each and also {more}. What is the bill in dollars?
        {name} pays ${p} for each of {n} {things} and {prices}. How much does {he} spend?
        In the basket: {n} {things} at ${p} each and {at}. What is the price of everything?
        {n} {things} at ${p} each and {at}: total in dollars?
        How many dollars does {name} need for {n} {things} at ${p} each and {at}?
        Please add up this bill: {n} {things} for {p} dollars each and {more}.
        {name} sells {n} {things} at ${p} each and {at}. How much money does {he} take in?
        For a party {name} gets {n} {things} at {p} dollars each and {at}. What does {he} spend altogether?
        I buy {n} {things} for {p} dollars each and {more}. How much is that in total?
        The {place} buys {n} {things} at ${p} each and {at}. How many dollars is that?
        {name} and {name2} buy {n} {things} at ${p} each and {at}. How much do they pay together?
        Find the cost of the following: {n} {things} at ${p} each and {at}.
        How much must {name} pay for {n} {things} costing {p} dollars each and {more}?
        {name}'s list says: {n} {things} at ${p} each and {at}. What will all of it cost?
        On Monday {name} spends {p} dollars on each of {n} {things} and {prices}. What does {he} spend that day?
        Calculate the total: {n} {things} at ${p} each and {at}.
        If you buy {n} {things} for {p} dollars each and {more}, what do you pay?
        A box holds {n} {things} worth ${p} each and {at}. What is the box worth in dollars?
        A class needs {n} {things} for {p} dollars each and {more}. How many dollars must be collected?
    """),
    stories("""
        The bill of {name} lists {n} {things} at ${p} each and {at}. What is the sum to pay?
        How expensive are {n} {things} at ${p} each and {at} taken together?
        {name2} asks {name} for {n} {things} at {p} dollars each and {at}. How many dollars does {name} spend?
        Total price, please: {n} {things} for {p} dollars each and {more}.
        A {shop} delivers {n} {things} at ${p} each and {at}. How much money is owed?
        What amount do you get if you pay {p} dollars for each of {n} {things} and {prices}?
        {n} {things} for {p} dollars each and {more} are what {name} takes home. What did everything cost?
        Together, what do {n} {things} at ${p} each and {at} come to?
        A trader sold {n} {things} for {p} dollars each and {more}. Find what was earned.
        To buy {n} {things} at ${p} each and {at}, how many dollars are needed?
    """),
)

MONEY_LEFT = Family(
    "money_left",
    _money_left,
    stories("""
        {name} has ${money}. {He} buys {n} {things} at ${p} each and one {thing2} for ${q}. How many dollars are left?
        With {money} dollars {name} goes to the {shop}. {He} buys {n} {things} for {p} dollars each and a meal for
          {q} dollars. How much money does {he} have left?
        {name} pays for {n} {things} at ${p} each and then for {a_thing2} at ${q}. {He} had ${money}. What remains?
        A {job} has {money} dollars and spends {p} dollars on each of {n} {things} and {q} dollars on a ticket.
          How many dollars remain?
        From ${money}, {name} pays for {n} {things} at ${p} each and gives ${q} to {name2}. How much does {he} keep?
        {name} saved {money} dollars. {n} {things} at {p} dollars each and one {thing2} for {q} dollars later, how
          much
          is left?
        How much of ${money} is left after buying {n} {things} for ${p} each and {a_thing2} for ${q}?
        {n} {things} cost ${p} each and {a_thing2} costs ${q}. {name} buys them all with ${money}. What is left over?
        {name} takes {money} dollars to the {place}. {He} pays {p} dollars for each of {n} {things} and {q} dollars
          for the
          bus. How many dollars does {he} bring home?
        Money: ${money}. Bought: {n} {things} at ${p} each, one {thing2} at ${q}. Left?
        {name2} gives {name} {money} dollars to buy {n} {things} at {p} dollars each and {a_thing2} for {q} dollars.
          How
          much does {name} give back?
        In {name}'s purse are ${money}. {He} spends ${p} on each of {n} {things} and ${q} on lunch. What is in it now?
        Please find what is left of {money} dollars after {n} {things} at {p} dollars each and {a_thing2} at {q}
          dollars.
        I have ${money}. I buy {n} {things} at ${p} each and {a_thing2} for ${q}. How many dollars do I have then?
        A class has {money} dollars. It buys {n} {things} for {p} dollars each and a cake for {q} dollars. How many
          dollars
          are left for the class?
        {name} can spend {money} dollars. After {n} {things} at {p} dollars each and {q} dollars for a book, how much
          can
          {he} still spend?
        {name} wins ${money} and buys {n} {things}, each for ${p}, and {a_thing2} for ${q}. How much of the prize is
          left?
        The {place} has ${money} for {n} {things} at ${p} each and a lamp at ${q}. How many dollars are not used?
        {name} starts with {money} dollars, buys {n} {things} for {p} dollars each and pays {q} dollars for the trip.
          What
          does {he} have at the end?
        If {name} has ${money} and needs {n} {things} at ${p} each and {a_thing2} at ${q}, how much will be left?
        Each of {n} {things} costs {p} dollars, and the delivery costs {q} dollars. {name} has {money} dollars. What
          remains after paying?
    """),
    stories("""
        {name}'s card holds ${money}. {n} {things} at ${p} each and {a_thing2} at ${q} are paid with it. What stays
          on it?
        After paying {q} dollars for {a_thing2} and {p} dollars for each of {n} {things}, what is left of {money}
          dollars?
        How many dollars does {name} still own if {he} had {money}, paid {q} for a haircut and bought {n} {things} at
          {p}?
        {money} dollars, less {n} {things} for {p} dollars each, less {q} dollars for {a_thing2}: how many dollars is
          that?
        A gift of ${money} is spent on {n} {things} (${p} each) and {a_thing2} (${q}). What part in dollars is not
          spent?
        {name2} watches {name} pay for {n} {things} at ${p} each and for one {thing2} at ${q} out of ${money}. What
          is left?
        Out of {money} dollars, {q} go to the bus driver and {p} to the seller for each of {n} {things}. How many
          remain?
        {A_thing2} for ${q}, {n} {things} for ${p} each: how much of {name}'s ${money} is over?
        First {name} spends {q} dollars at the {place}, then {p} dollars on each of {n} {things}. {He} had {money}
          dollars.
          What does {he} have now?
        Tell me what remains when ${money} pays for {n} {things} at ${p} each and {a_thing2} at ${q}.
    """),
)

PERCENT_DISCOUNT = Family(
    "percent_discount",
    _percent_discount,
    stories("""
        {A_thing} costs ${p}. In a sale it is {percent}% off. What is the new price in dollars?
        {name} buys {a_thing} with a discount of {percent}%. The usual price is {p} dollars. How much does {he} pay?
        The price of {p} dollars is lowered by {percent} percent. What is the price now?
        ${p} with {percent}% off: how many dollars?
        At the {shop} everything is {percent}% cheaper today. What does {a_thing} of ${p} cost?
        {name} has a coupon for {percent}% off. How much is {a_thing} that normally costs {p} dollars?
        A {job} sells {a_thing} for {p} dollars but takes off {percent} percent. How many dollars are to be paid?
        Reduce a price of ${p} by {percent}%. What do you get?
        The {things} cost {p} dollars together. {name} gets {percent}% off. What does {he} pay?
        What is the sale price of {a_thing} that was ${p} before a {percent}% discount?
        Members of the {place} pay {percent}% less. What does a member pay for a ticket of {p} dollars?
        A coat was {p} dollars. Now it is {percent}% cheaper. How many dollars does it cost?
        How much is left to pay if {percent}% of ${p} is taken off?
        Discount {percent}%, old price {p} dollars, new price?
        {name} wants {a_thing} for ${p}. {name2}, who works there, gets it for {percent}% less. What does {name2} pay?
        Please find the price after a discount of {percent} percent on {p} dollars.
        In the sale a table of ${p} is marked down by {percent}%. What is the new price?
        The {shop} takes {percent}% off a bill of {p} dollars. How much does {name} pay?
        A room costs ${p} a night, but {percent}% less in winter. What is the price in winter?
        Take {percent}% off {p} dollars.
        A phone for {p} dollars gets cheaper by {percent} percent. Find its new price in dollars.
    """),
    stories("""
        Because of a scratch, {a_thing} of ${p} is sold {percent}% below its price. How many dollars does it bring?
        {name} saves {percent}% on {a_thing} that costs {p} dollars. What does {he} have to pay?
        Students get {percent}% off the fee of {p} dollars. What is the fee for a student?
        After the price of ${p} fell by {percent}%, what was it?
        Work out what a bicycle of {p} dollars costs once {percent} percent are taken off.
        Old price: ${p}. Everything must go, {percent}% off! New price?
        With {percent} percent off, how much is a bill of {p} dollars?
        The label says ${p}, the sign says minus {percent}%. What is paid at the till?
        What would {name} pay for {a_thing} of {p} dollars if {name2} let {him} have it {percent}% cheaper?
        A discount of {percent}% is given on ${p}. State the amount that is still to pay.
    """),
)

FAMILIES = (CHANGE_FROM_PAYMENT, SHOPPING_TOTAL, MONEY_LEFT, PERCENT_DISCOUNT)
