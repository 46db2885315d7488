"""The sentences of a story about a person and a collection of things: for each operation, many ways to tell it.

A sentence starts in lower case: the story puts "Then", "After that," or a capital before it. Below the line of dashes
stand the forms that are held out of training.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

from .. import wordings
from .scenery import stories


class Forms(NamedTuple):
    trained: tuple[str, ...]
    held_out: tuple[str, ...]


def forms(text: str) -> Forms:
    """Forms in a block of text, the held-out ones below a line of dashes."""
    trained, held_out = text.split("---")
    return Forms(stories(trained), stories(held_out))


def with_more(setting: Mapping[str, Forms], name: str) -> dict[str, Forms]:
    """The setting with the trained sentences of a file besides. Raises ValueError for one that is there already."""
    added = _sentences_of(name)
    if added.keys() - setting.keys():
        raise ValueError(f"{name}.txt: {sorted(added.keys() - setting.keys())} not among {sorted(setting)}")
    for kind, sentences in added.items():
        known = (*setting[kind].trained, *setting[kind].held_out)
        twice = [sentence for at, sentence in enumerate(sentences) if sentence in (*known, *sentences[:at])]
        if twice:
            raise ValueError(f"{name}.txt, [{kind}]: there already: {twice}")
    return {kind: Forms((*old.trained, *added.get(kind, ())), old.held_out) for kind, old in setting.items()}


def told_elsewhere(setting: Mapping[str, Forms], name: str) -> dict[str, Forms]:
    """The sentences of a file for training; held out of it is the same story in the setting."""
    added = _sentences_of(name)
    return {kind: Forms(sentences, setting[kind].held_out) for kind, sentences in added.items()}


def _sentences_of(name: str) -> dict[str, tuple[str, ...]]:
    """The sentences of a file by kind: a kind in brackets, then a sentence a line; # says something to the reader."""
    found: dict[str, tuple[str, ...]] = {}
    text = (files(wordings) / "sentences" / f"{name}.txt").read_text(encoding="utf-8")
    for part in re.split(r"^\[(?=\w+\]$)", text, flags=re.MULTILINE)[1:]:
        kind, _, lines = part.partition("]")
        found[kind] = tuple(line for line in lines.splitlines() if line and not line.startswith("#"))
    return found


COLLECTION = {
    "opening": forms("""
        {name} has {start} {things}.
        at first {name} has {start} {things}.
        {name} owns {start} {things}.
        in the morning {name} has {start} {things}.
        there are {start} {things} in {name}'s bag.
        {name} keeps {start} {things} in a drawer.
        {name} the {job} starts the day with {start} {things}.
        {name} has collected {start} {things}.
        on {name}'s shelf there are {start} {things}.
        {name} brings {start} {things} to the {place}.
        {name} begins the week with {start} {things}.
        a box that belongs to {name} holds {start} {things}.
        ---
        {name} counts {his} {things} and finds that there are {start}.
        you can see {start} {things} on the table of {name}.
        {name}, a {job}, is the owner of {start} {things}.
        to begin with, {start} {things} belong to {name}.
    """),
    "gain": forms("""
        {he} buys {n} more {things}.
        {he} gets {n} more {things} from {name2}.
        {name2} gives {him} {n} {things}.
        {he} finds {n} {things} on the way to the {place}.
        {he} wins {n} {things} at the {place}.
        {he} is given {n} {things} by {name2}.
        {he} receives a packet with {n} {things}.
        {n} more {things} are added.
        {he} picks up another {n} {things} at the {shop}.
        {he} makes {n} more {things}.
        {his} friend {name2} adds {n} {things} to the collection.
        {his} collection grows by {n} {things}.
        ---
        {n} further {things} arrive as a present from {name2}.
        {name2} hands {him} {n} extra {things}.
        {he} comes home from the {shop} with {n} new {things}.
        the mail brings {him} {n} more {things}.
    """),
    "lose": forms("""
        {he} gives {n} {things} to {name2}.
        {he} loses {n} {things}.
        {he} sells {n} of the {things}.
        {name2} takes {n} of the {things}.
        {n} of the {things} break and are thrown away.
        {he} gives away {n} {things}.
        {he} leaves {n} {things} at the {place}.
        {he} uses up {n} of {his} {things}.
        {n} {things} are stolen.
        {he} hands {n} {things} over to {name2}.
        {name2} gets {n} {things} from {him}.
        {he} sends {n} of the {things} to {name2}.
        ---
        {n} {things} go missing.
        {he} parts with {n} {things}.
        {name2} is allowed to keep {n} of the {things}.
        {n} of {his} {things} fall into the river and are gone.
    """),
    "times": forms("""
        {he} {multiplies} the number of {his} {things}.
        {he} works hard and {multiplies} {his} collection.
        {he} gets enough {things} to have {times} as many as before.
        the number of {things} {multiplies}.
        a lucky day at the {place} {multiplies} the number of {his} {things}.
        with the help of {name2}, {he} {multiplies} {his} {things}.
        {he} goes on until {he} has {times} as many {things}.
        {name2} adds {things} until there are {times} as many.
        {his} collection grows to {times} its size.
        {he} buys so many {things} that {he} then has {times} as many.
        ---
        soon there are {times} as many {things} as there were.
        thanks to {name2}, {his} stock of {things} {multiplies}.
        {he} manages to make the number of {things} {times} as large.
    """),
    "groups_in": forms("""
        {he} buys {k} bags with {m} {things} each.
        {he} buys {k} boxes of {m} {things} each.
        {name2} gives {him} {k} packs of {m} {things}.
        {he} gets {m} {things} from each of {k} friends.
        {k} neighbours bring {him} {m} {things} each.
        {he} fetches {k} baskets, each with {m} {things} in it.
        each of {his} {k} cousins gives {him} {m} {things}.
        {he} opens {k} packets and finds {m} {things} in each.
        {he} wins {k} prizes of {m} {things} each.
        {he} orders {k} sets; a set has {m} {things}.
        {he} adds {k} rows of {m} {things}.
        ---
        {k} crates arrive, and every crate contains {m} {things}.
        {he} goes to the {shop} {k} times and brings back {m} {things} each time.
        from {k} people {he} receives {m} {things} apiece.
    """),
    "groups_out": forms("""
        {he} gives {m} {things} to each of {k} friends.
        {he} sells {k} boxes with {m} {things} each.
        {k} children get {m} {things} each from {him}.
        {he} gives away {k} bags of {m} {things}.
        each of {k} guests takes {m} of the {things}.
        {he} makes {k} gifts and uses {m} {things} for each.
        {he} sends {k} parcels with {m} {things} in each.
        {he} hands {m} {things} to each of {his} {k} neighbours.
        {k} visitors buy {m} {things} each from {him}.
        {he} loses {m} {things} in each of {k} games.
        {he} puts {m} {things} into each of {k} envelopes and mails them.
        ---
        {k} cousins come by, and every one of them leaves with {m} {things}.
        {he} lets {k} pupils have {m} {things} apiece.
        {k} times {he} pays with {m} {things}.
    """),
    "lose_part": forms("""
        {he} gives {part} of {his} {things} to {name2}.
        {he} sells {part} of the {things}.
        {he} loses {part} of {his} {things}.
        {part} of the {things} break and are thrown away.
        {name2} takes {part} of the {things}.
        {he} gives away {part} of what {he} has.
        {part} of {his} {things} are sold at the {shop}.
        {he} uses {part} of the {things} for a present.
        {he} sends {part} of {his} {things} to {name2}.
        {part} of all the {things} get lost.
        ---
        {name2} receives {part} of the {things} from {him}.
        {part} of all {his} {things} disappear.
        {he} trades away {part} of the {things} at the {place}.
    """),
    "keep_part": forms("""
        {he} keeps only {part} of the {things} and gives the rest to {name2}.
        {he} sells all but {part} of the {things}.
        only {part} of the {things} remain after a storm.
        {he} gives away all the {things} except {part}.
        {he} keeps {part} of {his} {things} and sells the others.
        just {part} of the {things} are still there after the move.
        {name2} takes all but {part} of the {things}.
        {part} of the {things} stay with {him}; the rest are sold.
        {he} saves {part} of the {things} and loses the rest.
        only {part} of {his} {things} are still good, so {he} throws the others away.
        ---
        after a visit to the {shop}, no more than {part} of the {things} are left.
        {he} holds on to {part} of the {things} and lets {name2} have all the others.
        everything except {part} of the {things} is given to the {place}.
    """),
    "percent_out": forms("""
        {he} gives {p}% of {his} {things} to {name2}.
        {he} sells {p}% of the {things}.
        {p}% of the {things} are lost.
        {he} loses {p}% of {his} {things}.
        {p} percent of the {things} break and are thrown away.
        {name2} buys {p}% of the {things} from {him}.
        {he} gives away {p} percent of what {he} has.
        the number of {things} falls by {p}%.
        {he} sends {p}% of the {things} to the {place}.
        {he} uses up {p} percent of the {things}.
        ---
        {p}% of {his} {things} go to {name2}.
        {his} collection shrinks by {p} percent.
        {he} gets rid of {p}% of the {things}.
    """),
    "percent_in": forms("""
        the number of {his} {things} grows by {p}%.
        {he} gets {p}% more {things}.
        {his} collection increases by {p} percent.
        {name2} adds {p}% to the number of {things}.
        {he} adds {p} percent to {his} collection.
        {he} buys {p}% more {things} than {he} has.
        the stock of {things} rises by {p}%.
        with a gift from {name2}, {his} collection grows by {p} percent.
        {he} makes the number of {things} {p}% larger.
        as a bonus, {he} receives {p}% of that number on top.
        ---
        there is an increase of {p}% in the number of {things}.
        {he} enlarges {his} collection by {p} percent.
        {p}% more {things} come in.
    """),
    "daily_in": forms("""
        every day for {d} days {he} gets {n} {things}.
        for {d} days, {he} finds {n} {things} a day.
        {he} buys {n} {things} a week for {d} weeks.
        each day {he} makes {n} more {things}, and {he} does so for {d} days.
        {name2} gives {him} {n} {things} each day for {d} days.
        during the next {d} days {he} collects {n} {things} a day.
        {he} wins {n} {things} an hour for {d} hours.
        {d} days long {he} adds {n} {things} each day.
        {he} earns {n} {things} every week, for {d} weeks.
        over {d} days, {n} {things} come in per day.
        ---
        {d} days pass, and on each of them {he} gains {n} {things}.
        at a rate of {n} a day, new {things} arrive for {d} days.
        {n} {things} are added on each of the following {d} days.
    """),
    "daily_out": forms("""
        every day for {d} days {he} uses {n} {things}.
        for {d} days, {he} sells {n} {things} a day.
        {he} gives {name2} {n} {things} a week for {d} weeks.
        each day {he} loses {n} {things}, and this goes on for {d} days.
        {name2} takes {n} {things} each day for {d} days.
        during the next {d} days {he} gives away {n} {things} a day.
        {he} sells {n} {things} an hour for {d} hours.
        {n} {things} get lost on each of {d} days.
        over {d} days, {n} {things} are sold per day.
        {he} spends {n} {things} every week, for {d} weeks.
        ---
        {d} days pass, and on each of them {n} {things} are gone.
        at a rate of {n} a day, {things} are used up for {d} days.
        {he} hands out {n} {things} on each of the following {d} days.
    """),
    "aside": forms("""
        {name2} has {n} {things2}.
        the way to the {shop} takes {n} minutes.
        {name2} is {n} years old.
        {he} also has {n} {things2}.
        {he} sees {n} {things2} at the {place}.
        {he} reads {n} pages of a book about {things}.
        there are {n} {things2} in the {shop}.
        {he} walks {n} minutes to the {place}.
        {name2} buys {n} {things2}.
        {n} people live in {his} street.
        ---
        {name2} looks at {n} {things2} and does not buy any.
        it takes {him} {n} minutes to walk home.
        {n} {things2} lie on the floor.
    """),
    "now": forms("""
        how many {things} does {name} have now?
        how many {things} does {name} have in the end?
        how many {things} are left in {name}'s collection now?
        how many {things} does {he} have then?
        what is the number of {name}'s {things} now?
        with how many {things} does {name} end up?
        find the number of {things} that {name} has at the end.
        how many {things} are there at the end?
        ---
        after all this, how many {things} belong to {name}?
        tell me how many {things} {name} finally has.
        count {name}'s {things} at the end.
    """),
    "change": forms("""
        by how many {things} did the number change from the start?
        how large is the difference between the first and the last number of {things}?
        what is the difference between the number of {things} at the start and at the end?
        find the difference between the numbers of {things} at the beginning and at the end.
        how far is the number of {things} at the end from that at the start?
        ---
        compare the number of {things} at the end with that at the start: how much do they differ?
        by how much do the first and the final number of {things} differ?
    """),
    "worth": forms("""
        {he} sells all that {he} has now for {q} dollars each. How many dollars does {he} get?
        one {thing} is worth {q} dollars. How many dollars are all {his} {things} worth now?
        if each {thing} costs {q} dollars, what are all {his} {things} worth in dollars at the end?
        {he} then gets {q} dollars for each {thing} that is left. How many dollars is that?
        at {q} dollars {a_thing}, how many dollars is {his} collection worth now?
        ---
        at last {he} trades every {thing} for {q} dollars. How many dollars does {he} receive?
        suppose {a_thing} costs {q} dollars. How many dollars are {his} {things} worth at the end?
    """),
    "packs": forms("""
        {he} packs all {his} {things} in boxes of {q}. How many boxes are full?
        {he} puts {q} {things} in each bag. How many bags can {he} fill?
        how many full sets of {q} {things} can {he} make now?
        one bag holds {q} {things}. How many bags can {he} fill at the end?
        {he} makes piles of {q} {things}. How many full piles does {he} get?
        ---
        at last {he} fills envelopes with {q} {things} each. How many can {he} fill completely?
        if a box takes {q} {things}, how many boxes can {he} fill with what {he} has at the end?
    """),
    "rest": forms("""
        {he} packs {his} {things} in full boxes of {q}. How many {things} do not fit?
        {he} makes piles of {q} {things}. How many {things} remain?
        {he} shares {his} {things} fairly among {q} friends. How many {things} are left over?
        {he} puts {q} {things} in each bag as long as that works. How many are left over?
        ---
        at last {he} forms full rows of {q} {things}. How many {things} stay without a row?
        {q} children get equal shares of {his} {things}, as large as possible. How many {things} remain?
    """),
    "needed": forms("""
        how many more {things} does {he} need to have {q}?
        {he} wants to have {q} {things}. How many are still missing?
        {his} goal is {q} {things}. How many more does {he} need?
        how many {things} must {he} still get to reach {q}?
        {he} needs {q} {things} in all. How many are missing?
        ---
        {his} album is complete with {q} {things}. How many are still to be found?
        how many {things} separate {him} from {his} goal of {q}?
    """),
}
