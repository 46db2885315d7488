"""Ages: two people by sum and difference or by a multiple, and their ages some years later."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories

_MOST_YEARS = {1: 10, 2: 25, 3: 40, 4: 60}


def _later(work: NamedWork, name: str, age: int, years: int) -> int:
    later = work.called(f"{name} later").add(age, years)
    work.say(f"so {later}")
    return later


def _ages_sum_difference(random: Random, level: int) -> Draft:
    most = _MOST_YEARS[level]
    younger, difference, years = random.randint(3, most + 5), random.randint(2, most), random.randint(2, most)
    older = younger + difference
    slots = cast(random, 2)
    is_older_asked = random.random() < 0.5
    work = NamedWork()
    twice = work.called(f"twice {slots['name2']}").subtract(older + younger, difference)
    age = work.called(slots["name2"]).exact_quotient(twice, 2)
    asked = slots["name" if is_older_asked else "name2"]
    if is_older_asked:
        age = work.called(slots["name"]).add(age, difference)
    answer = _later(work, asked, age, years)
    values = {"sum": older + younger, "difference": difference, "years": years, "is_older_asked": is_older_asked}
    return Draft(values, work, str(answer), slots | {"asked": asked})


def _ages_multiple(random: Random, level: int) -> Draft:
    times = random.randint(2, {1: 4, 2: 6, 3: 9, 4: 9}[level])
    younger = random.randint(2, {1: 10, 2: 12, 3: 15, 4: 40}[level])
    years = random.randint(2, _MOST_YEARS[level])
    slots = cast(random, 2)
    is_older_asked = random.random() < 0.5
    work = NamedWork()
    parts = work.called("parts").add(times, 1)
    age = work.called(slots["name2"]).exact_quotient(younger * (times + 1), parts)
    asked = slots["name" if is_older_asked else "name2"]
    if is_older_asked:
        age = work.called(slots["name"]).multiply(age, times)
    answer = _later(work, asked, age, years)
    values = {"sum": younger * (times + 1), "times": times, "years": years, "is_older_asked": is_older_asked}
    return Draft(values, work, str(answer), slots | {"asked": asked})


AGES_SUM_DIFFERENCE = Family(
    "ages_sum_difference",
    _ages_sum_difference,
    stories("""
        {name} is {difference} years older than {name2}. Together they are {sum} years old. How old will {asked} be
          in {years} years?
        {name} and {name2} are {sum} years old together. {name} is {difference} years older. How old is {asked} in
          {years} years?
        The ages of {name} and {name2} add up to {sum}. {name2} is {difference} years younger than {name}. What is
          {asked}'s age {years} years from now?
        {name2} is {difference} years younger than {name}, and the sum of their ages is {sum}. How old will {asked}
          be after {years} years?
        In {years} years, how old will {asked} be, if {name} is {difference} years older than {name2} and they are
          {sum} years old together now?
        Two cousins, {name} and {name2}, have ages with the sum {sum} and the difference {difference}; {name} is the
          older one. Find {asked}'s age in {years} years.
        Today {name} and {name2} together have lived {sum} years. {name} has lived {difference} years more. How old
          will {asked} be in {years} years?
        {name} was born {difference} years before {name2}. Their ages now make {sum}. How old will {asked} be {years}
          years later?
        {name} is older than {name2} by {difference} years. If their ages sum to {sum}, how old will {asked} be when
          {years} years have passed?
        Sum of ages: {sum}. {name} is {difference} years older than {name2}. Age of {asked} in {years} years?
        If you add the ages of {name} and {name2}, you get {sum}. {name} is ahead by {difference} years. How old is
          {asked} going to be in {years} years?
        {name} has a friend {name2}, who is {difference} years younger. They are {sum} years old together. What age
          will {asked} reach in {years} years?
        Please find how old {asked} will be in {years} years: {name} is {difference} years older than {name2}, and
          now they are {sum} together.
        {name} is {difference} years older than {name2}. The sum of both ages is {sum}. {years} years from now, what
          is the age of {asked}?
        {name} and {name2} count their years: {sum} in all. {name} has {difference} more than {name2}. How many years
          old will {asked} be in {years} years?
        A {job} called {name} is {difference} years older than {name2}. Their ages together are {sum}. How old will
          {asked} be in {years} years?
        Together {name} and {name2} are {sum}. The age difference is {difference} years, and {name2} is younger. How
          old will {asked} be in {years} years?
        When {name2} was born, {name} was {difference}. Today they are {sum} years old together. How old will {asked}
          be in {years} years?
        I know that {name} is {difference} years older than {name2} and that both together are {sum}. How old will
          {asked} be in {years} years?
        {name}'s age and {name2}'s age make {sum}. {name} is the older by {difference} years. Tell me {asked}'s age
          in {years} years.
    """),
    stories("""
        A pair of friends is {sum} years old in total. {name}, the older, is {difference} years ahead of {name2}. How
          old can {asked} expect to be {years} years on?
        What will {asked}'s age be {years} years from today, given that {name2} is {difference} years younger than
          {name} and that they are {sum} in total?
        {difference} years lie between {name} and the younger {name2}. Adding both ages gives {sum}. Give the age of
          {asked} in {years} years.
        Let {name} be {difference} years older than {name2}, and let their ages sum to {sum}. After {years} more
          years, how old is {asked}?
        On a cake for {name} and {name2} there are {sum} candles, one for each year of both. {name} is {difference}
          years older. How old will {asked} be in {years} years?
        The total of two ages is {sum}: {name}'s and {name2}'s. {name} has {difference} years more. {years} years
          pass. How old is {asked} then?
        {name2} must wait {difference} years to be as old as {name} is today. Both are {sum} years old together. How
          old will {asked} be in {years} years?
        {years} years from now {asked} will be how old? {name} and {name2} together are {sum} now; {name} is older by
          {difference}.
        If {name} is {difference} years older than {name2} and both ages make {sum}, which birthday does {asked} have
          in {years} years?
        {name} and {name2} differ in age by {difference} years, {name} being older. Their ages add up to {sum}. What age
          does {asked} have {years} years later?
    """),
)

AGES_MULTIPLE = Family(
    "ages_multiple",
    _ages_multiple,
    stories("""
        {name} is {times} times as old as {name2}. Together they are {sum} years old. How old will {asked} be in
          {years} years?
        {name} and {name2} are {sum} years old together. {name} is {times} times as old as {name2}. How old is
          {asked} in {years} years?
        The ages of {name} and {name2} add up to {sum}. {name}'s age is {times} times {name2}'s. What is {asked}'s
          age {years} years from now?
        The sum of two ages is {sum}. {name} is {times} times as old as {name2}. How old will {asked} be after
          {years} years?
        In {years} years, how old will {asked} be, if {name} is {times} times as old as {name2} and they are {sum}
          years old together now?
        Two cousins, {name} and {name2}, have ages with the sum {sum}; {name} is {times} times as old. Find {asked}'s
          age in {years} years.
        Today {name} and {name2} together have lived {sum} years, {name} {times} times as long as {name2}. How old
          will {asked} be in {years} years?
        {name} has lived {times} times as many years as {name2}. Their ages now make {sum}. How old will {asked} be
          {years} years later?
        If {name} is {times} times as old as {name2} and their ages sum to {sum}, how old will {asked} be when
          {years} years have passed?
        Sum of ages: {sum}. {name} is {times} times as old as {name2}. Age of {asked} in {years} years?
        If you add the ages of {name} and {name2}, you get {sum}. {name} is {times} times as old. How old is {asked}
          going to be in {years} years?
        {name} takes care of {name2} and is {times} times as old. They are {sum} years old together. What age will
          {asked} reach in {years} years?
        Please find how old {asked} will be in {years} years: {name} is {times} times as old as {name2}, and now they
          are {sum} together.
        {name2}'s age times {times} is {name}'s age. The sum of both ages is {sum}. {years} years from now, what is
          the age of {asked}?
        {name} and {name2} count their years: {sum} in all. {name} has {times} times as many as {name2}. How old will
          {asked} be in {years} years?
        A {job} called {name} is {times} times as old as {name2}. Their ages together are {sum}. How old will {asked}
          be in {years} years?
        Together {name} and {name2} are {sum}. For each year of {name2}, {name} has {times}. How old will {asked} be
          in {years} years?
        I know that {name} is {times} times as old as {name2} and that both together are {sum}. How old will {asked}
          be in {years} years?
        {name}'s age and {name2}'s age make {sum}. {name}'s is {times} times the other. Tell me {asked}'s age in
          {years} years.
        Now {name} is {times} times as old as {name2}, and they have {sum} years together. What will be the age of
          {asked} in {years} years?
    """),
    stories("""
        A pair of friends is {sum} years old in total. {name} is {times} times as old as {name2}. How old can {asked}
          expect to be {years} years on?
        What will {asked}'s age be {years} years from today, given that {name} is {times} times the age of {name2}
          and that they are {sum} in total?
        Take {name2}'s age {times} times and you get {name}'s. Adding both ages gives {sum}. Give the age of {asked}
          in {years} years.
        Let {name} be {times} times as old as {name2}, and let their ages sum to {sum}. After {years} more years, how
          old is {asked}?
        On a cake for {name} and {name2} there are {sum} candles, one for each year of both. {name} has {times} times
          as many as {name2}. How old will {asked} be in {years} years?
        The total of two ages is {sum}: {name}'s and {name2}'s. {name}'s is {times} times as large. {years} years
          pass. How old is {asked} then?
        {years} years from now {asked} will be how old? {name} and {name2} together are {sum} now; {name} is {times}
          times as old.
        If {name} is {times} times as old as {name2} and both ages make {sum}, which birthday does {asked} have in
          {years} years?
        {name} is {times} times the age of {name2}. Their ages add up to {sum}. What age does {asked} have {years} years
          later?
        {name} and {name2} are {sum} years old between them, and {name} is {times} times as old as {name2}. Find the age
          of {asked} in {years} years.
    """),
)

FAMILIES = (AGES_SUM_DIFFERENCE, AGES_MULTIPLE)
