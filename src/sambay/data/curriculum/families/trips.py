"""Trips of several legs: hours and speed of each, and the whole distance."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, listed, stories

_WAYS = ("walks", "cycles", "drives", "rides", "goes by bus", "goes by train", "runs", "sails")


def _distance_trip(random: Random, level: int) -> Draft:
    num_legs = 2 if level < 3 else 3
    most_hours = {1: 5, 2: 9, 3: 9, 4: 15}[level]
    most_speed = {1: 12, 2: 60, 3: 90, 4: 250}[level]
    legs = [(random.randint(2, most_hours), random.randint(3, most_speed)) for _ in range(num_legs)]
    work = NamedWork()
    ways = [work.called(f"leg {number}").multiply(hours, speed) for number, (hours, speed) in enumerate(legs, 1)]
    total = work.called("total").add(*ways)
    way = random.choice(_WAYS)
    values = {"legs": legs, "hours": legs[0][0], "speed": legs[0][1]}
    told = {
        "way": way,
        "others": " and ".join(f"then {hours} hours at {speed} km an hour" for hours, speed in legs[1:]),
        "others_short": listed([f"{hours} h at {speed} km/h" for hours, speed in legs[1:]]),
    }
    return Draft(values, work, str(total), cast(random, 2) | told)


DISTANCE_TRIP = Family(
    "distance_trip",
    _distance_trip,
    stories("""
        {name} {way} {hours} hours at {speed} km an hour, {others}. How many km is that in all?
        On a trip {name} {way} for {hours} hours at a speed of {speed} km an hour, {others}. What is the whole
          distance in km?
        How far does {name} get who {way} {hours} hours at {speed} km an hour, {others}? Answer in km.
        A trip has these legs: {hours} h at {speed} km/h, {others_short}. What is its length in km?
        {name} leaves the {place} and {way} {hours} hours at {speed} km an hour, {others}. How many km does {he}
          cover?
        Find the total distance in km: {hours} h at {speed} km/h, {others_short}.
        A truck is on the road for {hours} hours at {speed} km an hour, {others}. How many km does it drive
          altogether?
        {hours} hours at {speed} km an hour, {others}: how many km?
        A ship sails {hours} hours at {speed} km an hour, {others}. How many km has it sailed?
        {name} first {way} {hours} hours with {speed} km in each hour, {others}. How many km are behind {him}?
        Please work out how many km a bus goes in {hours} hours at {speed} km an hour, {others}.
        With {speed} km an hour for {hours} hours, {others}, how many km does a cyclist make?
        {name}'s tour: {hours} h at {speed} km/h, {others_short}. How many km did {he} travel?
        I drive {hours} hours at {speed} km an hour, {others}. How many km do I drive in total?
        {name} visits {name2}. {He} {way} {hours} hours at {speed} km an hour, {others}. How far from {name2} did
          {he} start, in km along the way?
        A train runs at {speed} km an hour for {hours} hours, {others}. What distance in km does it run?
        To reach the {place}, {name} {way} {hours} hours at {speed} km an hour, {others}. How long is the way in km?
        A bird flies {hours} hours at {speed} km an hour, {others}. How many km does it fly?
        A drone moves {hours} h at {speed} km/h, {others_short}. Give the distance in km.
        {name} the {job} {way} to work and back home in parts: {hours} h at {speed} km/h, {others_short}. How many km
          is that?
        What distance do you cover in {hours} hours at {speed} km an hour, {others}, in km?
    """),
    stories("""
        A coach keeps a speed of {speed} km an hour during {hours} hours, {others}. After how many km does it stop?
        {name}'s notes say: {hours} h at {speed} km/h, {others_short}. Which distance in km do they describe?
        In the first part {name} {way} {hours} hours and makes {speed} km each hour, {others}. Add up the km.
        The parts of a race are {hours} h at {speed} km/h, {others_short}. How many km long is the race?
        How many km lie behind a rider after {hours} hours at {speed} km an hour, {others}?
        At {speed} km an hour a boat moves for {hours} hours, {others}. Find the length of its path in km.
        A plane is in the air {hours} hours at {speed} km an hour, {others}. What do these parts make in km?
        Sum of the distances, please, in km: {hours} h at {speed} km/h, {others_short}.
        {name2} asks how far {name} came, who {way} {hours} hours at {speed} km an hour, {others}. What is the answer
          in km?
        {speed} km in every one of {hours} hours, {others}. How many km does that give?
    """),
)

FAMILIES = (DISTANCE_TRIP,)
