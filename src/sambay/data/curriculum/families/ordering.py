"""Orders: who is tallest, fastest or in the middle, from comparisons of neighbours; and places in a queue."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import NAMES, cast, different, listed, stories
from .story_frames import INTROS, OUTROS

# More, less, the most, the least; and how it is, for "not as ... as".
_SCALES = (
    *(("taller", "shorter", "tallest", "shortest", "tall"), ("older", "younger", "oldest", "youngest", "old")),
    *(("faster", "slower", "fastest", "slowest", "fast"), ("richer", "poorer", "richest", "poorest", "rich")),
    *(
        ("heavier", "lighter", "heaviest", "lightest", "heavy"),
        ("stronger", "weaker", "strongest", "weakest", "strong"),
    ),
)
# Of {a}, who is more, and {b}.
_FACTS = stories("""
    {a} is {more} than {b}.
    {b} is {less} than {a}.
    {a} is {more} than {b}.
    {b} is {less} than {a}.
    {a} is {more} than {b} is.
    {b} is {less} than {a} is.
    {b} is not as {how} as {a}.
    {a} is a bit {more} than {b}.
    {b} is a little {less} than {a}.
    {a} is much {more} than {b}.
    {a} is the {more} one of {a} and {b}.
    {b} is the {less} one of {a} and {b}.
    {a} turns out to be {more} than {b}.
    {b} turns out to be {less} than {a}.
    {a} is known to be {more} than {b}.
    compared with {b}, {a} is {more}.
    compared with {a}, {b} is {less}.
    of {a} and {b}, {a} is {more}.
    of {a} and {b}, {b} is the {less} one.
    between {b} and {a}, the {more} one is {a}.
    next to {a}, {b} is {less}.
    everybody sees that {a} is {more} than {b}.
    it is true that {b} is {less} than {a}.
    nobody doubts that {a} is {more} than {b}.
    {b} would like to be as {how} as {a} but is {less}.
""")


def _ordering_puzzle(random: Random, level: int) -> Draft:
    count = {1: 3, 2: 4, 3: 5, 4: 7}[level]
    names = different(random, NAMES, count)
    more, less, most, least, how = random.choice(_SCALES)
    facts, told, pairs = [], [], list(range(count - 1))
    random.shuffle(pairs)
    work = NamedWork()
    for pair in pairs:
        a, b = names[pair], names[pair + 1]
        is_more = random.random() < 0.5
        facts.append(f"{a} is {more} than {b}." if is_more else f"{b} is {less} than {a}.")
        told.append(random.choice(_FACTS).format(a=a, b=b, more=more, less=less, how=how)[:-1])
        work.say(f"{a} > {b}")
    work.say(f"never on the right: {names[0]}")
    work.say("order: " + " > ".join(names))
    asked, place = random.choice(((f"the {most}", 0), (f"the {least}", -1), (f"the second {most}", 1)))
    if count % 2 and random.random() < 0.3:
        asked, place = "in the middle", count // 2
    work.say(f"{asked}: {names[place]}")
    values = {"facts": " ".join(facts), "asked": asked}
    scenery = {
        "told": " ".join(fact[0].upper() + fact[1:] + "." for fact in told),
        "one_told": listed([fact.replace(",", "") for fact in told]),
        "intro": f"{random.choice(INTROS)} ",
        "outro": f" {random.choice(OUTROS)}",
        "count": str(count),
        "place": cast(random)["place"],
    }
    return Draft(values, work, names[place], scenery)


def _queue_position(random: Random, level: int) -> Draft:
    most = {1: 12, 2: 60, 3: 400, 4: 5000}[level]
    front, behind = random.randint(2, most), random.randint(2, most)
    joined, gone = random.randint(2, most), random.randint(2, front)
    work = NamedWork()
    ahead = work.called("still ahead").subtract(front, gone)
    after = work.called("now behind").add(behind, joined)
    others = work.called("others").add(ahead, after)
    total = work.called("with all").add(others, 1)
    values = {"front": front, "behind": behind, "joined": joined, "gone": gone}
    return Draft(values, work, str(total), cast(random, 2))


ORDERING_PUZZLE = Family(
    "ordering_puzzle",
    _ordering_puzzle,
    stories("""
        {told} Who is {asked}?
        {told} Who of them is {asked}?
        Who is {asked}? {told}
        {told} Name the one who is {asked}.
        {count} friends compare themselves. {told} Who is {asked}?
        We know this: {told} Who is {asked}?
        {told} Which person is {asked}?
        Read the facts. {told} Then tell me who is {asked}.
        A puzzle: {told} Who is {asked}?
        {told} Find out who is {asked}.
        At the {place} there are {count} people. {told} Who is {asked}?
        {told} Of these {count} people, who is {asked}?
        Please say who is {asked}. {told}
        Use the clues. {told} Who is {asked}?
        Here are some clues. {told} Which of the {count} is {asked}?
        Clues: {told} Question: who is {asked}?
        {told} I want to know who is {asked}.
        Put them in order: {told} Who is {asked}?
        {told} So who is {asked}?
        In a group of {count} we see: {told} Who is {asked}?
        Work out who is {asked} if the following is true. {told}
        {one_told}: who is {asked}?
        {intro}{told} Who is {asked}?
        {intro}{told} Who is {asked}?{outro}
    """),
    stories("""
        {facts} Give the name of whoever is {asked}.
        Suppose these sentences are true. {facts} Which name belongs to the person who is {asked}?
        {count} people stand in a row by order. {facts} Who of them is {asked}?
        Can you tell who is {asked} from this? {facts}
        {facts} Tell the name: {asked}.
        The question is who is {asked}. The facts are these. {facts}
        What name do you get for the person who is {asked}? {facts}
        {facts} From these facts, decide who is {asked}.
        Someone is {asked}. {facts} Who is it?
        A teacher writes: {facts} The pupils have to find who is {asked}. Who is it?
    """),
)

QUEUE_POSITION = Family(
    "queue_position",
    _queue_position,
    stories("""
        {name} stands in a queue with {front} people ahead and {behind} people behind. {gone} people at the front
          leave and {joined} join at the end. How many people are in the queue now?
        In a line {front} people are in front of {name} and {behind} are behind {him}. Then {gone} of those in front
          are served and go, and {joined} more come to the end. How long is the line, with {name}?
        {front} people wait before {name}, {behind} after {him}. The first {gone} go in and {joined} new people line
          up. How many are waiting now, {name} included?
        At the {place}, {name} has {front} people ahead of {him} and {behind} people behind. After {gone} people at
          the front have left and {joined} have joined at the end, how many are in the line?
        There are {front} cars before {name}'s car and {behind} cars after it. {gone} cars at the front drive off,
          {joined} more come to the end. How many cars are in the row, {name}'s among them?
        A queue: {front} before {name}, {behind} after {him}. Gone from the front: {gone}. Joined at the end:
          {joined}. How many are in the queue now, with {name}?
        {name} counts {front} people ahead and {behind} people behind in the line. Soon {gone} people at the front
          are gone and {joined} have come. Counting {name}, how many stand in the line?
        {behind} people stand behind {name} and {front} in front of {him}. If {gone} leave at the front and {joined}
          come at the back, how many people does the queue have then?
        Please find the length of the queue: {front} people in front of {name}, {behind} behind {him}, then {gone}
          leave the front and {joined} join the end.
        I stand in a line with {front} people before me and {behind} after me. {gone} leave at the front and {joined}
          come at the end. How many of us are in the line now?
        In front of {name} wait {front} children, behind {him} {behind}. Now {gone} children at the front get their
          ice cream and leave, and {joined} children come to the end. How many children wait, if {name} is a child
          too?
        {name} is in a row with {front} people before {him} and {behind} people after {him}. How many are in the row
          when {gone} at the front have gone and {joined} have come to the end?
        The {job} sees {front} people in front of {name} and {behind} people behind {him}. {gone} of the people in
          front are let in, {joined} new people come. How many people, with {name}, stand there?
        Before {name} there are {front} runners in line, after {him} {behind}. The first {gone} start and leave the
          line, {joined} others join at the end. How many runners are in the line now?
        How many people are in a queue in which {name} first had {front} ahead and {behind} behind, after {gone} left
          at the front and {joined} joined at the end?
        With {front} people ahead of {him} and {behind} behind {him}, {name} waits. {gone} people at the front go
          home; {joined} people join at the end. How many people, {name} among them, wait now?
        {name} waits for a bus. {front} people are ahead, {behind} behind. A small bus takes the first {gone}, and
          {joined} people come to the end. How many people wait now in all?
        The line has {front} people before {name} and {behind} after {him}. It loses {gone} at the front and gains
          {joined} at the end. How many people are in it?
        {name} queues for {things}. There are {front} people before {him} and {behind} people after {him}. {gone} at
          the front are done and {joined} more arrive at the end. How long is the queue now, in people?
        First {front} people are ahead of {name} and {behind} behind {him}. Later {gone} of those ahead are gone and
          {joined} more are behind. How many people is that together with {name}?
    """),
    stories("""
        Ahead of {name} are {front} people, and {behind} follow {him}. The door opens for the first {gone}; {joined}
          others line up at the back. What is the number of people in the line, {name} counted?
        A line of people: {front}, then {name}, then {behind}. From the front {gone} disappear, to the end {joined}
          are added. What is its new length?
        {name2} looks at the queue: {front} people, then {name}, then {behind} people. When {gone} have gone in at
          the front and {joined} have come last, how many does {name2} count in the queue?
        Between the door and {name} stand {front} people, and {behind} stand behind {name}. {gone} pass the door,
          {joined} come last. How many are still standing in line, {name} as well?
        In the row for tickets {name} sees {front} heads before and {behind} behind {him}. What is the number of
          people in the row after {gone} got tickets and left and {joined} came last?
        How long is a queue with {name} in it, if {front} were before {him}, {behind} after {him}, {gone} of the
          first went in, and {joined} came at the end?
        {name}'s place has {front} people ahead of it and {behind} behind it. Say how many people wait in all once
          {gone} at the front are served and {joined} more are at the end.
        Count the line now: it had {front} people, {name}, and {behind} people; its first {gone} left; {joined}
          joined at its end.
        Ships wait: {front} before the ship of {name}, {behind} after it. {gone} at the front sail, {joined} arrive
          at the end. What number of ships waits, this one included?
        When {gone} of the {front} people ahead of {name} have gone and {joined} have joined the {behind} behind
          {him}, how many people make up the line with {name}?
    """),
)

FAMILIES = (ORDERING_PUZZLE, QUEUE_POSITION)
