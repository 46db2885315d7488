"""What stands around a story in training: something before it, a lead to the question, something behind, the order."""

from __future__ import annotations

from random import Random

from .scenery import stories

INTROS = stories("""
    Here is a story:
    Solve this problem.
    Please solve:
    Read carefully.
    Problem:
    A word problem.
    Q:
    Let us count:
    Work this out:
    Help me with this.
    Exercise.
    Listen:
    Hi!
    Hello, a question.
    Hey, can you help?
    Good morning! My homework says:
    My son has this to do:
    My daughter is stuck on this one.
    From a school book:
    This was in our maths test.
    Exercise 4.
    Task 2:
    Question 7.
    No. 12)
    A)
    Maths:
    Quick one:
    Imagine this.
    Picture the following:
    Suppose the following.
    Consider this story.
    Let me tell you what happens.
    Go through it one step at a time.
    Do this in your head:
    I could use some help with a word problem:
    Calculate step by step.
    Please work through this:
    Now for a longer one.
    Try this one.
    Can you do this?
    We had this in class today.
    Word problem:
    Story:
    Text:
    Think it over.
    One more, please.
    I found this in an old book.
    A riddle for you.
    Next problem:
    Keep track of the number.
""")
LEADS = stories("""
    So
    My question:
    Can you tell me:
    Hmm,
    Now,
    And
    With this in mind:
    After all that,
    I am asked this:
    What I want to know:
    The question is:
    The teacher asks:
    Your task:
    Answer this:
    Do the sums for me:
    And now:
    Find the answer:
    Well,
    Okay,
    Then
""")
OUTROS = stories("""
    Give a number.
    Think step by step.
    Show your steps.
    Thanks!
    Please explain briefly.
    Show the working.
    Solution:
    Answer:
    Thank you.
    Take it step by step.
    A number is enough.
    Please help.
    I have lost count.
    Explain how you get it.
    Many thanks in advance.
    Please check carefully.
""")
# {before} and {after} stand around {start}, {one_before} and {one_after} in a story of one sentence.
FRAMES = stories("""
    {before}{start}{after} {asked}
    {before}{start}{after} {lead}
    {before}{start}{after} {asked}{outro}
    {before}{start}{after} {lead}{outro}
    {intro}{before}{start}{after} {asked}
    {intro}{before}{start}{after} {asked}{outro}
    {intro}{before}{start}{after} {lead}
    {intro}{before}{start}{after}[n]{asked}
    {before}{start}{after}[n][n]{asked}{outro}
    {intro}{before}{start}{after} Question: {asked}
    {before}{start}{after}[n]Question: {asked}[n]Answer:
    {asked_first} {before}{start}{after}
    {intro}{asked_first} {before}{start}{after}{outro}
    {asked_first} Here is what we know. {before}{start}{after}
    {asked_first} This is the story: {before}{start}{after}
    {asked_first} It goes like this. {before}{start}{after}{outro}
    {asked_first}[n]{before}{start}{after}
    Question first: {asked_first} Now the facts. {before}{start}{after}
    Please find out: {asked_first} {before}{start}{after}
    Task: {asked_first} Given: {before}{start}{after}
    {One_before}{start}{one_after}. {asked}
    {One_before}{start}{one_after}. {lead}
    {One_before}{start}{one_after}. {asked}{outro}
    {intro}{One_before}{start}{one_after}. {asked}
    {intro}{One_before}{start}{one_after}. {asked}{outro}
    {intro}{One_before}{start}{one_after}. {lead}
    {One_before}{start}{one_after}, {asked_small}
    {One_before}{start}{one_after}, so {asked_small}
    {One_before}{start}{one_after}; {asked_small}
    {One_before}{start}{one_after}: {asked_small}
    {one_before}{start}{one_after}, {asked_small}
    {one_before}{start}{one_after} {asked_small}
    {one_before}{start}{one_after}. {asked_small}
    hi, {one_before}{start}{one_after}. {asked_small}
    ok so {one_before}{start}{one_after}. {asked_small}
    If {one_before}{start}{one_after}, {asked_small}
    If {one_before}{start}{one_after}, then {asked_small}
    When {one_before}{start}{one_after}, {asked_small}
    Suppose {one_before}{start}{one_after}. {asked}
    Suppose that {one_before}{start}{one_after}. Then {asked_small}
    Say {one_before}{start}{one_after}. {asked}
    Let us say that {one_before}{start}{one_after}. {asked}
    Assume that {one_before}{start}{one_after}. {asked}
    Imagine {one_before}{start}{one_after}. {lead}
    Given that {one_before}{start}{one_after}, {asked_small}
    We know that {one_before}{start}{one_after}. {asked}
    A book says that {one_before}{start}{one_after}. {lead}
    My friend tells me that {one_before}{start}{one_after}. {asked}
    Please help: {one_before}{start}{one_after}. {asked}
    {asked_first} {One_before}{start}{one_after}.
    {intro}{asked_first} {One_before}{start}{one_after}.
    {asked_first} We know that {one_before}{start}{one_after}.
    {asked_first} The facts are that {one_before}{start}{one_after}.
""")
FRAMES = tuple(frame.replace("[n]", "\n") for frame in FRAMES)


def around(random: Random, asked: str) -> dict[str, str]:
    """The slots of what stands around a story: {intro} with its space, {outro} with the one before it, {lead}."""
    lead = random.choice(LEADS)
    return {"intro": f"{random.choice(INTROS)} ", "outro": f" {random.choice(OUTROS)}", "lead": f"{lead} {asked}"}
