"""The sentences of stories about money, passengers, water, points and stock, in the manner of story_sentences.py."""

from __future__ import annotations

from .story_sentences import COLLECTION, forms, told_elsewhere, with_more

_MONEY = {
    "opening": forms("""
        {name} has {start} dollars.
        {name} has saved {start} dollars.
        there are {start} dollars in {name}'s purse.
        {name} the {job} starts the week with ${start}.
        {name} goes to the {place} with ${start}.
        in {name}'s money box there are {start} dollars.
        ---
        {name} opens an account with {start} dollars.
        ${start} is what {name} has in {his} pocket.
    """),
    "gain": forms("""
        {he} earns {n} dollars.
        {he} gets ${n} from {name2}.
        {he} finds {n} dollars.
        {he} wins {n} dollars in a game.
        {his} aunt gives {him} {n} dollars.
        {name2} pays back ${n} to {him}.
        {he} sells {a_thing} for ${n}.
        ---
        {he} is paid {n} dollars for {his} help.
        a refund of {n} dollars comes in.
    """),
    "lose": forms("""
        {he} spends {n} dollars.
        {he} pays ${n} for a meal.
        {he} lends {n} dollars to {name2}.
        {he} buys some {things} for {n} dollars.
        {he} loses ${n}.
        a ticket to the {place} costs {him} {n} dollars.
        {he} gives {n} dollars to {name2}.
        ---
        {he} has to pay a bill of {n} dollars.
        ${n} goes to the {shop} for {things}.
    """),
    "times": forms("""
        {he} {multiplies} {his} money.
        {his} money {multiplies}.
        {he} works until {he} has {times} as much money.
        a lucky sale {multiplies} the amount.
        ---
        at the end of the month {he} has {times} as much.
        {he} is so lucky that {his} money {multiplies}.
    """),
    "groups_in": forms("""
        {he} sells {k} {things} for {m} dollars each.
        {he} works {k} hours at ${m} an hour.
        {k} neighbours pay {him} {m} dollars each.
        {he} gets {m} dollars from each of {k} friends.
        {he} washes {k} cars for ${m} each.
        ---
        {he} walks {k} dogs and gets {m} dollars for each.
        each of {k} customers gives {him} ${m}.
    """),
    "groups_out": forms("""
        {he} buys {k} {things} for {m} dollars each.
        {he} buys {k} {things} at ${m} each.
        {he} pays for {k} tickets, which cost {m} dollars each.
        {he} gives {m} dollars to each of {k} children.
        {he} spends ${m} on each of {k} friends.
        ---
        {he} takes {k} {things} from the {shop} at a price of ${m} apiece.
        for each of {k} guests {he} spends {m} dollars.
    """),
    "lose_part": forms("""
        {he} spends {part} of {his} money.
        {he} gives {part} of the money to {name2}.
        {he} uses {part} of what {he} has for {things}.
        {part} of the money goes to the {place}.
        {he} pays with {part} of {his} money for a meal.
        ---
        a new bicycle takes {part} of {his} money.
        {name2} is lent {part} of the money.
    """),
    "percent_out": forms("""
        {he} spends {p}% of {his} money.
        {he} gives {p} percent of the money to {name2}.
        {he} pays a tax of {p}% on all {he} has.
        {p}% of the money is stolen.
        ---
        a fee takes {p} percent of the amount.
        {he} uses {p}% of what {he} has to buy {things}.
    """),
    "percent_in": forms("""
        the bank adds {p}% to {his} money.
        {his} money grows by {p} percent.
        {he} gains {p}% on what {he} has.
        ---
        a bonus of {p} percent of the amount is added.
        the amount rises by {p}%.
    """),
    "daily_in": forms("""
        {he} earns {n} dollars a day for {d} days.
        for {d} weeks {he} saves {n} dollars a week.
        every week for {d} weeks {he} gets ${n} of pocket money.
        for {d} days {he} earns ${n} each day.
        ---
        {d} months pass in which {he} puts {n} dollars a month aside.
        on each of {d} days {he} makes {n} dollars.
    """),
    "daily_out": forms("""
        {he} spends {n} dollars a day for {d} days.
        for {d} weeks {he} pays {n} dollars a week.
        every day for {d} days {he} buys lunch for ${n}.
        for {d} months {he} pays back ${n} each month.
        ---
        {d} days pass on each of which {he} needs {n} dollars.
        on each of {d} trips {he} spends {n} dollars.
    """),
    "aside": COLLECTION["aside"],
    "now": forms("""
        how many dollars does {name} have now?
        how much money does {name} have in the end, in dollars?
        how many dollars are left to {name}?
        what amount in dollars does {name} end up with?
        ---
        how many dollars does {name} hold after all this?
        find the dollars that {name} finally has.
    """),
    "change": forms("""
        by how many dollars did the amount change from the start?
        what is the difference in dollars between the first and the last amount?
        ---
        how many dollars apart are the amounts at the start and at the end?
    """),
    "packs": forms("""
        {he} buys as many {things} as possible at {q} dollars each. How many can {he} buy?
        one {thing} costs ${q}. How many {things} can {he} pay for now?
        ---
        how many {things} at {q} dollars each can {he} afford at the end?
    """),
    "rest": forms("""
        {he} buys as many {things} as possible at {q} dollars each. How many dollars remain?
        {he} shares the money in equal whole dollars among {q} people. How many dollars are left over?
        ---
        at the end {he} buys all the {things} {he} can get for ${q} each. How many dollars does {he} keep?
    """),
    "needed": forms("""
        how many more dollars does {he} need to have {q} dollars?
        {he} wants to buy a bicycle for ${q}. How many dollars are missing?
        ---
        a camera costs {q} dollars. How many dollars must {he} still get?
    """),
}

_PASSENGERS = {
    "opening": forms("""
        there are {start} people on a bus.
        a train leaves the {place} with {start} passengers.
        {start} passengers are on a ship.
        a tram starts with {start} people.
        ---
        when a ferry leaves, {start} people are on it.
        {start} people sit in a train.
    """),
    "gain": forms("""
        {n} people get on.
        {n} more passengers get on at the {place}.
        at the next stop {n} people come in.
        {n} people join them.
        ---
        {n} new passengers board.
        it picks up another {n} people.
    """),
    "lose": forms("""
        {n} people get off.
        {n} of the passengers leave at the {place}.
        at the next stop {n} people get out.
        {n} passengers go home.
        ---
        {n} passengers reach their stop and step out.
        it drops off {n} people.
    """),
    "times": forms("""
        the number of passengers {multiplies}.
        a school class gets on, and there are {times} as many people as before.
        ---
        so many people get on that there are {times} as many.
    """),
    "groups_in": forms("""
        {k} families of {m} people each get on.
        {k} groups with {m} people each get on.
        at each of the next {k} stops, {m} people get on.
        ---
        {k} teams board, each with {m} people.
    """),
    "groups_out": forms("""
        {k} families of {m} people each get off.
        at each of the next {k} stops, {m} people get off.
        {k} groups with {m} people each leave.
        ---
        {k} teams of {m} people get out.
    """),
    "lose_part": forms("""
        {part} of the passengers get off.
        at the {place}, {part} of the people leave.
        {part} of those on it get out.
        ---
        the {place} is where {part} of the passengers step out.
    """),
    "keep_part": forms("""
        all but {part} of the passengers get off.
        only {part} of the people stay; the others get off.
        ---
        everyone leaves except {part} of the passengers.
    """),
    "aside": forms("""
        the driver is {n} years old.
        the trip to the {place} takes {n} minutes.
        there are {n} {things} in the luggage.
        ---
        a ticket is valid for {n} minutes.
    """),
    "now": forms("""
        how many passengers are there now?
        how many people are there in the end?
        what is the number of passengers at the end?
        ---
        how many people does it carry then?
        count the passengers at the end.
    """),
    "worth": forms("""
        each person there at the end pays {q} dollars. How many dollars is that in all?
        a ticket costs {q} dollars. How many dollars do the people who are there at the end pay together?
        ---
        at the end every passenger gives {q} dollars. How many dollars come together?
    """),
    "packs": forms("""
        at the end they form teams of {q}. How many full teams are there?
        ---
        at the end they sit down at tables for {q}. How many tables are full?
    """),
    "needed": forms("""
        there are {q} seats for passengers. How many are free at the end?
        it has room for {q} passengers. How many more can get on?
        ---
        with {q} places in all, how many stay empty at the end?
    """),
}

_WATER = {
    "opening": forms("""
        a tank holds {start} litres of water.
        there are {start} litres of water in a pool.
        {name} has a barrel with {start} litres of water in it.
        a pond contains {start} litres of water.
        ---
        {start} litres of water are in a large container.
        {name} looks into a water tank and finds {start} litres.
    """),
    "gain": forms("""
        {n} litres are poured in.
        rain adds {n} litres.
        {name2} fills in another {n} litres.
        ---
        {n} more litres flow in.
    """),
    "lose": forms("""
        {n} litres are used.
        {n} litres leak out.
        {name2} takes {n} litres for the garden.
        ---
        {n} litres of it flow away.
    """),
    "times": forms("""
        the amount of water {multiplies}.
        a storm brings so much rain that there is {times} as much water.
        ---
        pumps run until there is {times} as much water as before.
    """),
    "groups_in": forms("""
        {k} buckets of {m} litres each are poured in.
        {k} people pour in {m} litres each.
        ---
        {k} cans are emptied into it, each with {m} litres.
    """),
    "groups_out": forms("""
        {k} buckets of {m} litres each are taken out.
        {k} neighbours take {m} litres each.
        ---
        {k} bottles are filled from it with {m} litres each.
    """),
    "lose_part": forms("""
        {part} of the water is used.
        {part} of the water leaks out.
        ---
        the heat dries up {part} of the water.
    """),
    "percent_out": forms("""
        {p}% of the water is used.
        {p} percent of the water leaks out.
        ---
        the heat dries up {p}% of the water.
    """),
    "daily_in": forms("""
        a pump brings in {n} litres a minute for {d} minutes.
        for {d} hours, {n} litres flow in per hour.
        ---
        over {d} minutes a tap adds {n} litres a minute.
    """),
    "daily_out": forms("""
        a pump takes out {n} litres a minute for {d} minutes.
        for {d} days, {n} litres are used each day.
        ---
        over {d} hours a hole loses {n} litres an hour.
    """),
    "aside": forms("""
        the pump is {n} years old.
        {name2} watches for {n} minutes.
        ---
        the fence around it is {n} metres long.
    """),
    "now": forms("""
        how many litres of water are there now?
        how many litres are left in the end?
        ---
        what is the amount of water at the end, in litres?
    """),
    "packs": forms("""
        how many cans of {q} litres can be filled completely with what is there at the end?
        ---
        the water goes into jugs of {q} litres. How many jugs become full?
    """),
    "needed": forms("""
        there is room for {q} litres in all. How many litres are missing at the end until it is full?
        ---
        {q} litres of water are wanted. How many litres must still be added?
    """),
}

_COLLECTION = with_more(COLLECTION, "collection")
SETTINGS = (
    *(_COLLECTION, _COLLECTION, _COLLECTION, with_more(_MONEY, "money"), with_more(_PASSENGERS, "passengers")),
    *(with_more(_WATER, "water"), told_elsewhere(COLLECTION, "points"), told_elsewhere(COLLECTION, "places")),
)
