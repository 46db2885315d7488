"""Money that is kept: coins counted, savings after some weeks, weeks until a goal."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, different, listed, stories

# The coins' names and their worth in cents, the largest first.
_COINS = (
    ("half dollar", "half dollars", 50),
    ("quarter", "quarters", 25),
    ("dime", "dimes", 10),
    ("nickel", "nickels", 5),
)


def _coins(random: Random, level: int) -> Draft:
    most = {1: 9, 2: 12, 3: 20, 4: 60}[level]
    drawn = sorted(different(random, range(len(_COINS)), 2 if level == 1 else 3))
    pennies = random.randint(2, most)
    counts = [(random.randint(2, most), *_COINS[coin][1:]) for coin in drawn]
    work = NamedWork()
    worth = [work.called(coin).multiply(number, cents) for number, coin, cents in counts]
    total = work.called("cents").add(*worth, pennies)
    texts = [f"{number} {coin}" for number, coin, _ in counts]
    values = {"coins": ", ".join(texts), "pennies": pennies}
    return Draft(values, work, str(total), cast(random) | {"listed": listed(texts)})


def _savings_over_weeks(random: Random, level: int) -> Draft:
    most = {1: 9, 2: 30, 3: 120, 4: 900}[level]
    start, weekly = random.randint(2, 3 * most), random.randint(2, most)
    weeks = random.randint(2, {1: 9, 2: 12, 3: 30, 4: 60}[level])
    spent = random.randint(2, start + weekly * weeks - 1)
    work = NamedWork()
    saved = work.called("saved").multiply(weekly, weeks)
    total = work.called("total").add(start, saved)
    left = work.called("left").subtract(total, spent)
    return Draft(
        {"start": start, "weekly": weekly, "weeks": weeks, "spent": spent}, work, str(left), cast(random, 2, 1)
    )


def _savings_goal(random: Random, level: int) -> Draft:
    weekly = random.randint(2, {1: 9, 2: 12, 3: 45, 4: 120}[level])
    start = random.randint(2, {1: 10, 2: 50, 3: 200, 4: 900}[level])
    goal = start + random.randint(weekly + 1, weekly * {1: 9, 2: 20, 3: 40, 4: 80}[level])
    work = NamedWork()
    missing = work.called("missing").subtract(goal, start)
    weeks, rest = work.called("times").divide(missing, weekly)
    if rest:
        weeks = work.called("one more").add(weeks, 1)
    work.say(f"so {weeks}")
    return Draft({"start": start, "weekly": weekly, "goal": goal}, work, str(weeks), cast(random))


COINS = Family(
    "coins",
    _coins,
    stories("""
        {name} has {coins} and {pennies} pennies. How many cents is that in all?
        How many cents are {coins} and {pennies} pennies?
        In a jar there are {listed}, and besides {pennies} pennies. What are they worth in cents?
        {coins}, {pennies} pennies: total in cents?
        Find the value in cents of {coins} and {pennies} pennies.
        {name} finds {pennies} pennies in one pocket and {listed} in the other. How many cents does {he} have?
        Count the money: {coins} and {pennies} pennies. Answer in cents.
        A child pays with {listed} plus {pennies} pennies. How many cents does the child pay?
        What is the total of {coins} and {pennies} pennies, in cents?
        {name} empties {his} money box: {coins} and {pennies} pennies. How much is it in cents?
        How much money is {coins} and {pennies} pennies? Give the number of cents.
        On the table lie {listed}. Next to them are {pennies} pennies. How many cents are there?
        The {job} counts {coins} and {pennies} pennies at night. How many cents does that make?
        Please add up {coins} and {pennies} pennies in cents.
        A machine takes in {coins} and {pennies} pennies. How many cents is this?
        I have {listed}, and {pennies} pennies too. How many cents do I have?
        {name} gets {pennies} pennies and {listed} as change. How many cents is the change?
        What are {pennies} pennies together with {listed} worth, in cents?
        {name} saved {coins} and {pennies} pennies for {a_thing}. How many cents did {he} save?
        Turn {coins} and {pennies} pennies into cents.
        If you hold {listed} and also {pennies} pennies, how many cents do you hold?
    """),
    stories("""
        Work out how many cents {name} owns if {he} owns {coins} and {pennies} pennies.
        A purse contains {pennies} pennies, and also {listed}. State its value in cents.
        Someone drops {coins} and {pennies} pennies into a hat. How many cents fall in?
        In cents, what do {coins} and {pennies} pennies come to?
        {name} trades {listed} and {pennies} pennies for {a_thing}. How many cents did it cost {him}?
        Value of {pennies} pennies and {listed} in cents, please.
        A fountain near the {place} holds {coins} and {pennies} pennies. How many cents lie in it?
        Tell me the worth, in cents, of {listed} along with {pennies} pennies.
        {name}'s coins are {coins} and {pennies} pennies. Together they make how many cents?
        Suppose you find {pennies} pennies under a sofa and {listed} under a bed. How many cents did you find?
    """),
)

SAVINGS_OVER_WEEKS = Family(
    "savings_over_weeks",
    _savings_over_weeks,
    stories("""
        {name} has {start} dollars and saves {weekly} dollars a week for {weeks} weeks. Then {he} spends {spent}
          dollars. How many dollars does {he} have left?
        Each week {name} puts ${weekly} into a jar that already holds ${start}. After {weeks} weeks {he} takes out
          ${spent}. What is left in the jar?
        {name} saves {weekly} dollars every week. {He} starts with {start} dollars, and after {weeks} weeks {he} buys
          a bicycle for {spent} dollars. How much remains?
        A bank account has ${start}. For {weeks} months ${weekly} a month is paid in, then ${spent} is paid out. What
          is in the account?
        For {weeks} weeks {name} gets {weekly} dollars of pocket money a week. {He} had {start} dollars before and
          pays {spent} dollars for presents. How many dollars are left?
        {name} earns ${weekly} a day for {weeks} days. {He} adds it to {his} ${start} and then spends ${spent}. How
          much does {he} have?
        A club owns {start} dollars. It collects {weekly} dollars in each of {weeks} weeks and pays a bill of {spent}
          dollars. What does the club own now?
        Start: ${start}. Plus ${weekly} a week for {weeks} weeks. Minus ${spent}. How many dollars?
        {name} had {start} dollars. {He} put aside {weekly} dollars on each of {weeks} days and gave {spent} dollars
          to {name2}. How many dollars has {he} now?
        With ${start} in {his} pocket, {name} mows lawns for {weeks} weeks at ${weekly} a week and later spends
          ${spent}. What is left?
        {name2} gives {name} {weekly} dollars a month for {weeks} months. {name} had {start} dollars at first and
          spends {spent} dollars at the end. How much is left?
        What is left if you have ${start}, save ${weekly} a week for {weeks} weeks and spend ${spent}?
        {name} wants {a_thing} for ${spent}. {He} has ${start} and saves ${weekly} a week for {weeks} weeks, then
          buys it. How many dollars remain?
        Please find what {name} has after {weeks} weeks: {start} dollars to begin with, {weekly} dollars more each
          week, and {spent} dollars spent.
        A class has saved {start} dollars. Every month for {weeks} months it adds {weekly} dollars. A trip costs
          {spent} dollars. How many dollars are left after the trip?
        {name} sells {things} and makes {weekly} dollars a day. {He} began with {start} dollars. After {weeks} days
          {he} pays {spent} dollars of rent. How much money does {he} have?
        {weeks} weeks long, {name} saves {weekly} dollars a week on top of {start} dollars. {He} then buys {things}
          for {spent} dollars. What remains?
        I have ${start} and save ${weekly} each week. After {weeks} weeks I spend ${spent}. How much do I have?
        {name} the {job} has {start} dollars, takes in {weekly} dollars in each of {weeks} weeks and spends {spent}
          dollars. How much does {he} have at the end?
        In {his} box {name} keeps ${start}. {He} adds ${weekly} on every one of {weeks} Sundays and takes ${spent}
          for a gift. How much is in the box?
        {name}'s savings are {start} dollars and grow by {weekly} dollars a week. After {weeks} weeks {he} uses
          {spent} dollars. How many dollars are still there?
    """),
    stories("""
        After {weeks} weeks of saving ${weekly} a week, {name}, who began with ${start}, pays ${spent} for a course.
          What does {he} still have?
        {spent} dollars are spent by {name} after {he} added {weekly} dollars in each of {weeks} weeks to {start}
          dollars. How many dollars are left?
        A piggy bank holds {start} dollars. {weeks} times, {name} drops in {weekly} dollars; once, {he} takes out
          {spent} dollars. What does it hold now?
        How many dollars does {name} have if {he} begins with {start}, sets aside {weekly} a week over {weeks} weeks,
          and then uses {spent}?
        The {place} had ${start}, earned ${weekly} a day during {weeks} days, and repaid a loan of ${spent}. How much
          did it have then?
        {name} can save {weekly} dollars per month. {weeks} months pass. {His} first {start} dollars were not
          touched, but now {spent} dollars are needed for {a_thing}. What remains?
        Every Friday {name2} pays {name} ${weekly}. {name} had ${start}, and {weeks} Fridays later {he} spends
          ${spent}. How rich is {he} in dollars?
        Savings so far: {start} dollars. To come: {weeks} weeks with {weekly} dollars each. To pay at the end:
          {spent} dollars. What will be left?
        A family has {start} dollars for a holiday, adds {weekly} dollars in each of {weeks} months, and pays {spent}
          dollars for the flight. How many dollars remain?
        Tell me what stays of ${start} and {weeks} weekly savings of ${weekly} once ${spent} is spent.
    """),
)

SAVINGS_GOAL = Family(
    "savings_goal",
    _savings_goal,
    stories("""
        {name} has {start} dollars and saves {weekly} dollars a week. After how many weeks can {he} buy a bicycle for
          {goal} dollars?
        {A_thing} costs ${goal}. {name} owns ${start} and gets ${weekly} each week. How many weeks must {he} wait?
        A class needs {goal} dollars for a trip. It has {start} dollars and collects {weekly} dollars a week. How
          many weeks does it take?
        How many weeks does {name} have to save {weekly} dollars a week to have at least {goal} dollars, if {he} has
          {start} dollars now?
        Goal ${goal}, now ${start}, ${weekly} a week: how many weeks?
        {name} wants to have {goal} dollars. {He} starts with {start} dollars and adds {weekly} dollars every week.
          In how many weeks does {he} reach it?
        Each week {name} puts {weekly} dollars to {his} {start} dollars. How many weeks until there are {goal}
          dollars or more?
        A tank holds {start} litres. Each hour {weekly} litres flow in. After how many full hours are there at least
          {goal} litres?
        {name} has read {start} pages of a book with {goal} pages and reads {weekly} pages a day. On how many more
          days does {he} have to read?
        A collector has {start} {things} and buys {weekly} a month. How many months until there are {goal} or more?
        With ${start} saved and ${weekly} a week to come, how many weeks are needed for a phone of ${goal}?
        {name} needs {goal} points. {He} has {start} and wins {weekly} in each game. How many more games must {he}
          play?
        Please tell how many weeks it takes to get from {start} dollars to at least {goal} dollars with {weekly}
          dollars a week.
        The {place} has {start} {things}. Every week {weekly} more arrive. After how many weeks are there at least
          {goal}?
        {name} saves for a camera of {goal} dollars. {He} has {start} dollars already and can put aside {weekly}
          dollars a week. How many weeks will it take?
        I own ${start} and earn ${weekly} a week. How many weeks until I own ${goal} or more?
        A wall needs {goal} bricks. {start} are laid, and a {job} lays {weekly} an hour. In how many hours is the
          wall done, counting a part of an hour as a whole one?
        {name} must walk {goal} km. {He} has walked {start} km and walks {weekly} km a day. How many more days does
          {he} need?
        A plant is {start} cm high and grows {weekly} cm a week. After how many whole weeks is it at least {goal} cm
          high?
        {name} has to write {goal} words. {start} are written, and {he} writes {weekly} a minute. How many more
          minutes does {he} need, counting a part of a minute as a whole one?
        How many payments of {weekly} dollars are needed to bring {start} dollars up to {goal} dollars or more?
    """),
    stories("""
        Now there are ${start} in the box of {name}. ${weekly} come in per week. When, in weeks, will {he} be able to
          pay ${goal}?
        The price of a guitar is {goal} dollars. How many weeks of saving {weekly} dollars does {name} need if
          {start} dollars are already saved?
        {name} counts {start} dollars today. If {he} gets {weekly} dollars at the end of each week, after how many
          weeks does {he} have no less than {goal} dollars?
        From {start} up in steps of {weekly}: after how many steps are you at {goal} or above?
        A farm has {start} trees and wants {goal}. It plants {weekly} a day. On how many days must trees be planted?
        {goal} {things} are to be packed. {start} are packed, and {name} packs {weekly} a minute. After how many full
          minutes is all packed?
        To pay {goal} dollars, {name} has {start} dollars and earns {weekly} dollars an hour. How many whole hours
          must {he} work?
        Weeks needed, please: {name} has {start} dollars, saves {weekly} dollars each week, and wants {goal} dollars.
        Every day a snail climbs {weekly} cm. It sits at {start} cm, the top is at {goal} cm. On which day of
          climbing does it get to the top?
        A savings plan adds ${weekly} per month to ${start}. How many months pass until at least ${goal} is reached?
    """),
)
FAMILIES = (COINS, SAVINGS_OVER_WEEKS, SAVINGS_GOAL)
