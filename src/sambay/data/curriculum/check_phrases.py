"""How one asks for a check, claims something, or states a chain of steps; for each some that are never trained."""

from __future__ import annotations

CHECKS = (
    *("check your answer", "check it", "are you sure?", "is that right?", "can you check that?", "please check again"),
    *("can you verify this?", "verify your answer", "is that correct?", "really?", "check that again"),
    *("double-check it", "I think there is a mistake", "is there a mistake?", "did you make a mistake?"),
    *("that looks wrong", "are you certain?", "check your work", "could you check your steps?", "go over it again"),
    *("please verify the result", "sure?", "prove that it is right", "is the answer right?", "can that be right?"),
    *("have you checked it?", "test your answer", "make sure that it is right", "I am not sure about that"),
    *("is your answer correct?", "hm, is that true?", "look for mistakes", "check every line"),
    *("please look at it again", "I do not believe it"),
)
HELD_OUT_CHECKS = (
    *("would you confirm that?", "let us make sure", "can we trust this result?", "examine your work once more"),
    *("I suspect an error", "are all steps fine?", "please confirm the answer", "find the error if there is one"),
    *("review your solution", "how sure are you about it?"),
)
SUMS = (
    *("What is {expression}?", "Calculate {expression}.", "Compute {expression}.", "{expression}", "{expression} = ?"),
    *("Work out {expression}.", "Tell me {expression}.", "How much is {expression}?", "Evaluate {expression}."),
    *("Please calculate {expression}.", "Find {expression}.", "Can you work out {expression}?", "Solve {expression}."),
)
CLAIMS = (
    *("My friend says {claim}, is that right?", "Is it true that {claim}?", "Is {claim} right?", "Is {claim} correct?"),
    *("{claim}, right?", "{claim}, is that correct?", "Check this: {claim}", "Check {claim}."),
    *("I got {claim}. Is it right?", "My answer is {claim}, is that true?"),
    *("Somebody told me that {claim}. Is that so?", "True or false: {claim}?", "Is this right? {claim}"),
    *("Please check {claim}.", "My teacher wrote {claim}. Is that right?", "Did I get {claim} right?"),
    *("I think {claim}. Am I right?", "My sister claims {claim}. Is she right?", "Verify {claim}.", "{claim}?"),
    *("My brother says that {claim}. Is he right?", "In my homework I wrote {claim}. Is that correct?"),
    *("Can it be that {claim}?", "I calculated {claim}, can you check it?", "Is there a mistake in {claim}?"),
    *("Does {claim} hold?", "Would you say that {claim}?", "I read that {claim}. Is that true?", "So {claim}, yes?"),
    *("Someone wrote {claim} on the board. Is it right?", "Can you verify that {claim}?"),
    *("Tell me whether {claim} is right.", "My result: {claim}. Right or wrong?"),
)
HELD_OUT_CLAIMS = (
    *("A classmate found {claim}. Do you agree?", "Would {claim} be a correct statement?"),
    *("Confirm or correct: {claim}", "Please tell me if {claim} has an error."),
    *("The book gives {claim}. Is the book right?", "Mark my work: {claim}", "Correct me if I am wrong: {claim}."),
    *("My uncle insists on {claim}. What do you say?", "Can I write {claim}?"),
    "Look at {claim}. Is everything fine?",
)
CHAINS = (
    *("Start with {start}, {steps}. What is the result?", "Take {start}, {steps}. What do you get?"),
    *("Begin with {start}: {steps}. Where do you end?", "Start at {start}. Now {steps}. What is it?"),
    *("I think of {start}, {steps}. What number do I have?", "With {start}, {steps}. The result?"),
    *("The first number is {start}. Now {steps}. What comes out?", "{start}, {steps}", "From {start}, {steps}."),
    *("Work this out: start with {start}, {steps}.", "Please take {start}, {steps}. What is left?"),
    *("A machine gets {start}, and its program is: {steps}. What does it put out?", "Put in {start}, {steps}. Result?"),
    *("Here is {start}. What is it if you {steps}?", "If you take {start}, {steps}, what is the result?"),
    *("What do you get from {start} if you {steps}?", "Calculate: {start}, {steps}."),
    *("My number is {start}. I {steps}.", "Go from {start}: {steps}. Tell me the last number."),
    "Write {start}, {steps}. What is the last value?",
)
HELD_OUT_CHAINS = (
    "Suppose you have {start}, {steps}. Which number is it now?",
    *("Let the value be {start}. Next {steps}. Its value?", "A counter shows {start}. We {steps}. What does it show?"),
    *("Beginning at {start}, {steps}. Find the final number.", "Set x to {start}, {steps}. What is x at last?"),
    *("Choose {start}, {steps}. What came out?", "You are at {start}. Now {steps}. Where are you?"),
    *("Given {start}, {steps}. Give the final result.", "Do this with {start}: {steps}."),
    "Number: {start}. Tasks: {steps}. Outcome?",
)
