"""Proportions: so much for so many, the more the fewer, shares in a ratio, prices of one, scales of maps."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from .scenery import THINGS, different
from .wording import asked, crossed


def _things(random: Random) -> dict[str, str]:
    return {"things": random.choice(THINGS)[1]}


def _proportion(random: Random, level: int) -> Draft:
    """a cost c, what do b cost: the price of one where it is whole, else first times, then divided; always c*b/a."""
    a, b = different(random, range(2, (10, 13, 13, 40)[level - 1]), 2)
    price = random.randint(2, (12, 40, 200, 300)[level - 1])
    # From level 2 on one of them need not cost a whole number.
    total = (
        price * a
        if level == 1 or random.random() < 0.5
        else next(number for number in range(price, price + a) if number * b % a == 0)
    )
    work = Work()
    product = work.multiply(total, b)
    answer = work.quotient(product, a)
    return Draft({"a": a, "b": b, "c": total}, work, str(answer), _things(random))


PROPORTION = Family(
    "proportion",
    _proportion,
    wordings=(
        *crossed(
            (
                "{a} {things} cost {c} dollars.",
                "You pay {c} euros for {a} {things}.",
                "A shop sells {a} {things} for {c} coins.",
                "{c} dollars buy {a} {things}.",
            ),
            ("What do {b} {things} cost?", "How much are {b} of them at the same price?", "Find the price of {b}."),
        ),
        "If {a} {things} weigh {c} grams, what do {b} weigh?",
        "{a} machines make {c} {things} an hour. How many do {b} machines make?",
        "A recipe for {a} people needs {c} grams of flour. How many grams for {b} people?",
        "{a} hours of work bring {c} dollars. What do {b} hours bring?",
        "{a} boxes hold {c} {things}. How many {things} do {b} boxes hold?",
        "{a} -> {c}, {b} -> ? (in proportion)",
        "{a} is to {c} as {b} is to what?",
        "y is proportional to x, and y = {c} for x = {a}. What is y for x = {b}?",
        "{a} {things}: {c} dollars. {b} {things}: ? dollars",
        "With {a} litres a car drives {c} km. How far does it get with {b} litres?",
    ),
    held_out_wordings=(
        "How much must I pay for {b} {things} if {a} of them cost {c} dollars?",
        "At {c} euros for {a} {things}, find what {b} {things} cost.",
        "The price of {a} {things} is {c} dollars. Tell me the price of {b} such {things}.",
        "What would {b} {things} weigh if {a} weigh {c} grams?",
        "{b} pumps deliver how many litres a minute, when {a} of them deliver {c}?",
        "In {a} days a baker uses {c} kg of sugar. How many kg are used in {b} days?",
        "Someone reads {c} pages in {a} hours. At that speed, how many pages in {b} hours?",
        "Solve the proportion: {a} gives {c}, so {b} gives how much?",
        "I bought {a} {things} for {c} coins. How many coins will {b} of the same {things} be?",
        "A wall of {a} m takes {c} bricks. How many bricks does a wall of {b} m take?",
    ),
)


def _inverse_proportion(random: Random, level: int) -> Draft:
    """a workers need c days, how many do b need: a*c/b."""
    b = random.randint(2, (9, 12, 12, 12)[level - 1])
    a = random.randint(2, (24, 24, 40, 99)[level - 1])
    a += a == b
    step = next(n for n in range(1, b + 1) if a * n % b == 0)
    c = step * random.randint(1, max(1, (20, 40, 90, 300)[level - 1] // step))
    work = Work()
    answer = work.quotient(work.multiply(a, c), b)
    return Draft({"a": a, "b": b, "c": c}, work, str(answer))


INVERSE_PROPORTION = Family(
    "inverse_proportion",
    _inverse_proportion,
    wordings=(
        *crossed(
            (
                "{a} workers need {c} days for a job.",
                "A job takes {a} painters {c} days.",
                "{a} people finish the work in {c} days.",
            ),
            (
                "How many days do {b} need?",
                "How many days would it take {b} of them?",
                "In how many days is it done by {b}?",
            ),
        ),
        "{a} pumps empty a pool in {c} hours. How many hours do {b} pumps take?",
        "The food lasts {a} animals for {c} days. How many days does it last {b} animals?",
        "If {a} machines take {c} minutes, how many minutes do {b} such machines take?",
        "y is inversely proportional to x, and y = {c} for x = {a}. What is y for x = {b}?",
        "x*y is constant. x = {a} gives y = {c}. What y belongs to x = {b}?",
        "{a} taps fill a tank in {c} minutes. Find the minutes for {b} taps.",
        "At {a} km/h a trip takes {c} hours. How many hours does it take at {b} km/h?",
        "{a} -> {c}, {b} -> ? (inversely proportional)",
        "With {a} pages a day a book lasts {c} days. How many days does it last with {b} pages a day?",
        "Hay for {a} horses is enough for {c} weeks. For how many weeks would it feed {b} horses?",
        "{a} rows of {c} chairs are set up again as {b} rows. How many chairs stand in each?",
        "If {a} bakers need {c} hours for the bread, {b} bakers need how many hours?",
    ),
    held_out_wordings=(
        "How long, in days, do {b} builders need for what {a} builders do in {c} days?",
        "A task keeps {a} helpers busy for {c} hours. With {b} helpers, how many hours does it take?",
        "{b} cooks prepare a feast; {a} cooks would need {c} hours for it. How many hours do the {b} need?",
        "Water for {a} campers lasts {c} days. Now there are {b} campers. How many days does it last?",
        "Driving at {a} km an hour I need {c} hours. What if I drive {b} km an hour: how many hours?",
        "Two quantities have a constant product. {a} goes with {c}. For a first quantity of {b}, what is the second?",
        "What number of days do {b} mowers need, if {a} mowers mow the field in {c} days?",
        "Suppose {a} printers print a book in {c} minutes. Find the minutes that {b} printers need.",
        "{c} hours are needed by {a} cleaners for a house. Please compute the hours for {b} cleaners.",
        "Inverse proportion: {a} goes with {c}. What goes with {b}?",
    ),
)


def _ratio_split(random: Random, level: int) -> Draft:
    num_parts = 2 if level < 3 else 3
    parts = [random.randint(1, (6, 9, 5, 9)[level - 1]) for _ in range(num_parts)]
    if sum(parts) > 12 and level < 4:
        parts = [min(part, 12 // num_parts) for part in parts]
    share = random.randint(2, (12, 40, 60, 90)[level - 1])
    total = share * sum(parts)
    place = random.randrange(num_parts)
    work = Work()
    one = work.quotient(total, work.add(*parts))
    answer = work.multiply(one, parts[place])
    ratio = ":".join(map(str, parts))
    values = {"total": total, "ratio": ratio, "place": ("first", "second", "third")[place]}
    return Draft(values, work, str(answer), _things(random))


RATIO_SPLIT = Family(
    "ratio_split",
    _ratio_split,
    wordings=(
        *crossed(
            (
                "{total} is split in the ratio {ratio}.",
                "Divide {total} in the ratio {ratio}.",
                "{total} {things} are shared in the ratio {ratio}.",
            ),
            (
                "How big is the {place} part?",
                "What is the {place} share?",
                "Find the {place} part.",
                "The {place} part?",
            ),
        ),
        "Friends share {total} dollars in the ratio {ratio}. How many dollars does the {place} one get?",
        "A rope of {total} cm is cut in the ratio {ratio}. How long is the {place} piece in cm?",
        "Share {total} in the ratio {ratio}: {place} share = ?",
        "What is the {place} share when {total} is divided as {ratio}?",
        "{total}, ratio {ratio}, {place} part",
        "Calculate the {place} part of {total} divided in the ratio {ratio}.",
        "A mixture of {total} grams is made in the ratio {ratio}. How many grams of the {place} kind are in it?",
        "In a bag the colours are in the ratio {ratio}, {total} {things} in all. How many have the {place} colour?",
    ),
    held_out_wordings=(
        "Two or more numbers are in the ratio {ratio} and add up to {total}. What is the {place} number?",
        "Someone divides {total} coins in the ratio {ratio}. What does the {place} person receive?",
        "Please cut {total} into parts like {ratio} and tell me the {place}.",
        "The ratio is {ratio}, the whole is {total}. How much is the {place} part?",
        "How much is the {place} portion if {total} gets portioned {ratio}?",
        "Classes of a school are in the ratio {ratio}, with {total} pupils in all. How large is the {place} class?",
        "Of {total} {things}, shared out like {ratio}, how many go to the {place} person?",
        "Let {total} be parted in the ratio {ratio}. Give the {place} of the parts.",
        "Paint is mixed {ratio} to make {total} litres. How many litres come from the {place} pot?",
        "Find what the {place} heir gets of {total} dollars left in the ratio {ratio}.",
    ),
)


def _unit_rate(random: Random, level: int) -> Draft:
    """The price of one; from level 2 on of two offers, and the cheaper or the difference is asked for."""
    most = (60, 12, 40, 250)[level - 1]
    count, other = different(random, range(2, 13), 2)
    price, dearer = sorted(different(random, range(2, most + 1), 2))
    work = Work()
    first = work.quotient(count * price, count)
    if level == 1:
        return _offer(random, work, f"{count}", f"{count * price}", "the price of one", price)
    if random.random() < 0.5:
        price, dearer = dearer, price
        work = Work()
        first = work.quotient(count * price, count)
    second = work.quotient(other * dearer, other)
    wanted = random.choice(("the lower price of one", "the difference between the prices of one"))
    if wanted.startswith("the lower"):
        answer = min(first, second)
        work.say(f"{answer}<{max(first, second)}, lower: {answer}")
    else:
        answer = work.subtract(max(first, second), min(first, second))
    offers = f"{count * price} dollars or {other} for {other * dearer}"
    return _offer(random, work, f"{count}", offers, wanted, answer)


def _offer(random: Random, work: Work, count: str, offers: str, wanted: str, answer: int) -> Draft:
    offers = offers if "dollars" in offers else f"{offers} dollars"
    return Draft({"offer": f"{count} for {offers}", "wanted": wanted}, work, str(answer), _things(random))


UNIT_RATE = Family(
    "unit_rate",
    _unit_rate,
    wordings=(
        *crossed(
            ("A shop sells {things}: {offer}.", "{things}: {offer}.", "You can buy {things}, {offer}."),
            ("What is {wanted}?", "Find {wanted}.", "Calculate {wanted} in dollars.", "How much is {wanted}?"),
        ),
        *asked("{wanted} if {things} are sold as {offer}"),
        "{offer}; {wanted}?",
    ),
    held_out_wordings=(
        *crossed(
            ("At the market {things} cost {offer}.", "The label on some {things} reads: {offer}."),
            ("I would like to know {wanted}.", "Please give me {wanted}.", "How many dollars is {wanted}?"),
        ),
        "How many dollars is {wanted}, when {things} go at {offer}?",
        "Price list for {things}: {offer}. State {wanted}.",
        "Let {things} be offered like this: {offer}. Say what {wanted} is.",
        "Can you get {wanted} from {offer}?",
    ),
)


def _map_scale(random: Random, level: int) -> Draft:
    """One cm on the map is so much outside: to the distance outside, back to the map, or from 1:50000."""
    each, length = random.randint(2, (30, 60, 60, 200)[level - 1]), random.randint(2, (12, 60, 60, 200)[level - 1])
    work = Work()
    if level > 1 and random.random() < 0.5:
        each = random.randint(2, 12)
        answer = work.quotient(each * length, each)
        text = f"1 cm stands for {each} km", f"{each * length} km outside", "cm on the map"
    elif level < 3:
        answer = work.multiply(length, each)
        text = f"1 cm stands for {each} km", f"{length} cm on the map", "km outside"
    else:
        scale = each * 1000
        answer = work.multiply(work.quotient(scale, 100), length)
        text = f"the scale is 1:{scale}", f"{length} cm on the map", "metres outside"
    return Draft(dict(zip(("scale", "given", "wanted"), text, strict=True)), work, str(answer))


MAP_SCALE = Family(
    "map_scale",
    _map_scale,
    wordings=(
        *crossed(
            (
                "On a map {scale}.",
                "For a map, {scale}.",
                "A hiking map says that {scale}.",
                "The key of a map tells: {scale}.",
            ),
            (
                "How many {wanted} are {given}?",
                "A road is {given}. How long is it, in {wanted}?",
                "Two towns are {given} apart. How many {wanted} is that?",
                "Turn {given} into {wanted}.",
                "{given} = ? {wanted}",
            ),
        ),
        "If on a map {scale}, how many {wanted} are {given}?",
        "Map: {scale}. {given}, {wanted}?",
    ),
    held_out_wordings=crossed(
        ("In an atlas {scale}.", "Suppose that on some map {scale}."),
        (
            "Give {given} as {wanted}.",
            "A river measures {given}. That makes how many {wanted}?",
            "What number of {wanted} belongs to {given}?",
            "I measure {given}. Please tell me the {wanted}.",
            "Find how many {wanted} make {given}.",
        ),
    ),
)

FAMILIES = (PROPORTION, INVERSE_PROPORTION, RATIO_SPLIT, UNIT_RATE, MAP_SCALE)
