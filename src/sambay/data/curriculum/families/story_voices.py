"""Sentences of stories told of him or her, turned into the past, or told by the person: he buys, he bought, I buy."""

from __future__ import annotations

import re

_IRREGULAR = """
    be/is/was are/are/were have/has/had buy/buys/bought get/gets/got give/gives/gave find/finds/found win/wins/won
    make/makes/made grow/grows/grew lose/loses/lost sell/sells/sold take/takes/took break/breaks/broke leave/leaves/left
    send/sends/sent bring/brings/brought keep/keeps/kept begin/begins/began hold/holds/held come/comes/came go/goes/went
    put/puts/put throw/throws/threw eat/eats/ate lend/lends/lent spend/spends/spent pay/pays/paid steal/steals/stole
    fall/falls/fell rise/rises/rose run/runs/ran feed/feeds/fed catch/catches/caught bake/bakes/baked see/sees/saw
    read/reads/read tear/tears/tore build/builds/built sink/sinks/sank swim/swims/swam set/sets/set let/lets/let
    hide/hides/hid burn/burns/burnt forget/forgets/forgot drink/drinks/drank draw/draws/drew write/writes/wrote
    meet/meets/met fly/flies/flew shut/shuts/shut do/does/did tell/tells/told teach/teaches/taught cut/cuts/cut
    dig/digs/dug bury/buries/buried carry/carries/carried stop/stops/stopped drop/drops/dropped grab/grabs/grabbed
    ship/ships/shipped wrap/wraps/wrapped swap/swaps/swapped slip/slips/slipped wake/wakes/woke stand/stands/stood
    split/splits/split shrink/shrinks/shrank lead/leads/led become/becomes/became
    hear/hears/heard ride/rides/rode think/thinks/thought bet/bets/bet cost/costs/cost sit/sits/sat
"""
_REGULAR = """
    own start collect receive pick add use hand move save order fetch open donate misplace inherit earn gather harvest
    trade return swallow damage mail pass consume offer drain pump need want decide spoil vanish disappear arrive join
    score gain work wash visit store count pile pack treat pour leak flow board enter climb borrow produce purchase
    acquire present remove discard share walk watch live charge print tip withdraw deposit refund double reward help
    follow rot crack escape hatch adopt remain stay import deliver manufacture fill empty evaporate splash tidy unpack
    raise increase decrease last
    arrange hope change turn discover enlarge expand destroy ruin rent part answer end mow play contain talk travel
    knit peel crash hurry load cook display look reach continue ask repay
"""
# Third persons and bare verbs that are nouns too: verbs only behind their subject.
_NOUNS_TOO_WORDS = """
    lives hopes changes turns splits parts ends rents answers plays leads talks travels
    packs sets stops orders shares stores piles loads drops leaves returns presents works trades hands offers ships
    scores saves gifts moves cuts treats starts cracks counts tips passes wraps builds swaps displays needs uses
    looks visits prints splashes lasts sinks purchases boards charges gains burns
"""
_NOUNS_TOO = frozenset(_NOUNS_TOO_WORDS.split())
_PLURALS_WORDS = """
    turn burn
    break get leave come take bring buy pay go remain stay spoil fall pour vanish disappear arrive join flow leak
    give sell bake rot escape crack board have hatch eat use want lose evaporate climb drink steal follow run fly
    swim borrow offer swallow work return
"""
_PLURALS = frozenset(_PLURALS_WORDS.split())
_SUBJECTS = frozenset(("{he}", "{name}", "{name2}", "it", "and", "then", "who", "which"))
_AFTER_THESE_BARE = frozenset(("to", "can", "does", "do", "must", "will", "could", "did", "not", "and", "on"))


def _inflected(verb: str) -> tuple[str, str]:
    """Third person and past of a regular verb."""
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ies", f"{verb[:-1]}ied"
    third = f"{verb}es" if verb.endswith(("s", "sh", "ch", "x")) else f"{verb}s"
    return third, f"{verb}d" if verb.endswith("e") else f"{verb}ed"


_VERBS = [tuple(verb.split("/")) for verb in _IRREGULAR.split()]
_VERBS += [(verb, *_inflected(verb)) for verb in _REGULAR.split() if verb != "withdraw"]
_VERBS += [("withdraw", "withdraws", "withdrew")]
_BARE_OF_THIRD = {third: bare for bare, third, _ in _VERBS} | {"{multiplies}": "{multiply}"}
_PAST_OF_THIRD = {third: past for _, third, past in _VERBS} | {"{multiplies}": "{multiplied}"}
_PAST_OF_BARE = {bare: past for bare, _, past in _VERBS}
_WORDS = re.compile(r"\{\w+\}|[A-Za-z]+|[^A-Za-z{}]+")


def past(form: str) -> str | None:
    """The sentence in the past tense; None where no verb of it is known, or a part is in another tense."""
    words, before, is_changed = _WORDS.findall(form), "", False
    for index, word in enumerate(words):
        if word in _PAST_OF_THIRD and (word not in _NOUNS_TOO or before in _SUBJECTS):
            words[index], is_changed = _PAST_OF_THIRD[word], True
        elif word in _PLURALS and (before not in _AFTER_THESE_BARE or (before == "and" and is_changed)):
            words[index], is_changed = _PAST_OF_BARE[word], True
        before = word if word.strip() else before
    return "".join(words) if is_changed else None


def told_by_oneself(form: str) -> str | None:
    """With the slots {I}, {my} and {me} for the person; None where the verb would depend on which of them it is."""
    if re.search(r"\{(he|name)\} (is|was)\b|\{name\} the|(is|was|are) \{(he|name)\}(?!')", form):
        return None
    words, before, subject = _WORDS.findall(form), "", ""
    for index, word in enumerate(words):
        if word in ("{he}", "{name}", "{name2}"):
            subject = word
        is_own = before in ("{he}", "{name}") or (
            before in ("and", "then", "soon", "also") and subject in ("{he}", "{name}")
        )
        if is_own and word in _BARE_OF_THIRD:
            words[index] = _BARE_OF_THIRD[word]
        before = word if word.strip() else before
    text = "".join(words).replace("{name}'s", "{my}").replace("{his}", "{my}").replace("{him}", "{me}")
    text = re.sub(r"does \{(he|name)\}", "do {I}", text)
    text = re.sub(r"\b(to|of|from|for|with|by|gives|gave) \{name\}", r"\1 {me}", text)
    return text.replace("{he}", "{I}").replace("{name}", "{I}")
