"""How the time between two moments is asked for: wordings that serve clock times, dates, and both together."""

from __future__ import annotations

from random import Random

from .date_forms import Written
from .scenery import cast, stories

_EVENTS = (
    *("voyage", "test run", "journey", "sale", "show", "storm", "game", "download", "repair", "tour"),
    *("recording", "search", "shift", "delivery", "concert", "scan", "walk", "race", "trip"),
    *("power cut", "charge", "print job", "lesson", "backup copy", "phone call", "film", "strike", "ride"),
)
# How the form of an answer is named; the split does not depend on it.
_FORMS = {
    "HH:MM": ("HH:MM", "HH:MM", "hh:mm", "hours:minutes"),
    "HH:MM:SS": ("HH:MM:SS", "HH:MM:SS", "hh:mm:ss", "hours:minutes:seconds"),
    "HH:MM:SS.mmm": ("HH:MM:SS.mmm", "HH:MM:SS.mmm", "hh:mm:ss.mmm", "hours:minutes:seconds.milliseconds"),
    "D days": ("D days", "D days", "N days"),
    "D days, HH:MM": ("D days, HH:MM", "D days, HH:MM", "N days, hh:mm"),
    "D days, HH:MM:SS": ("D days, HH:MM:SS", "D days, HH:MM:SS", "N days, hh:mm:ss"),
}


def named_form(random: Random, form: str) -> Written:
    """The form of an answer, such as HH:MM, under one of its names."""
    return Written(form, random.choice(_FORMS[form]))


def span_scenery(random: Random) -> dict[str, str]:
    """The slots of these wordings that change nothing."""
    return cast(random) | {"event": random.choice(_EVENTS)}


SPAN_WORDINGS = stories("""
    How long is it from {start} to {end}? Write it as {form:shown}.
    Find the time from {start} to {end} in the form {form:shown}.
    From {start} to {end}, as {form:shown}.
    The {event} began at {start} and was over at {end}. What was its length? Format: {form:shown}.
    {name} started at {start} and was done at {end}. How much time did {he} need? Use the format {form:shown}.
    Start: {start}. End: {end}. Duration ({form:shown})?
    Compute the duration from {start} until {end}; the format of the answer is {form:shown}.
    What is the difference of the times {start} and {end}, given as {form:shown}?
    The {event} went on from {start} until {end}. State its duration in {form:shown}.
    How much time lies between {start} and {end}? Your answer should look like {form:shown}.
    Subtract {start} from {end} and write what you get as {form:shown}.
    A log shows that the {event} began {start} and finished {end}. How long did it run? Use {form:shown}.
    With {start} as the beginning and {end} as the end, how long did the {event} take? Write {form:shown}.
    Tell me how long a {event} lasts that begins at {start} and ends at {end}. Answer format: {form:shown}
    Please work out the time that passed between {start} and {end}, in {form:shown}.
    Determine, in the form {form:shown}, how long it takes from {start} to {end}.
    A {event} had its start at {start} and its end at {end}. Give the time it took, in {form:shown}.
    {name} left at {start} and came back at {end}. How long was {he} away ({form:shown})?
    What time span runs from {start} to {end}? Format it as {form:shown}.
    At {start} a {job} switched a machine on, and at {end} off. For how long was it on? Write it in {form:shown}.
    Elapsed time, {start} to {end}, {form:shown}?
    The first time stamp is {start}, the second is {end}. How far are they apart, in {form:shown}?
    Measure the time from {start} to {end} and put it as {form:shown}.
    A train set off at {start} and reached its station at {end}. How long did the ride take? Give it in {form:shown}.
    The server was down from {start} to {end}. How long was that? Reply with {form:shown}.
    A {event} at the {place}: from {start} to {end}. Calculate how long it is, and answer in {form:shown}.
    I slept from {start} to {end}. How long did I sleep? Please use {form:shown}.
    Calculate {end} minus {start} in {form:shown}.
    {name}'s {event} got going at {start} and came to its end at {end}. How long did it go on? Answer as {form:shown}.
    Between {start} and {end}, what amount of time went by? Express it as {form:shown}.
""")
SPAN_WORDINGS_HELD_OUT = stories("""
    Say in the form {form:shown} how long someone waits who comes at {start} and goes at {end}.
    The {event} opened at {start} and closed at {end}; tell its length in the form {form:shown}.
    Which duration, written {form:shown}, leads from {start} to {end}?
    A meter is read at {start} and again at {end}. How much later is that, as {form:shown}?
    If a {event} runs between {start} and {end}, how long does it run? Please state {form:shown}.
    Time needed when you begin at {start} and stop at {end}, in the form {form:shown}, please.
    {name} notes {start} when the {event} starts and {end} when it stops. What duration should {he} note ({form:shown})?
    After {start}, how long did it take to get to {end}? The answer has the form {form:shown}.
    Turn this into a duration of the form {form:shown}: begun {start}, ended {end}.
    Of a {event} we know its start, {start}, and its end, {end}. We ask for its length as {form:shown}.
""")
