"""Structured output: the model thinks freely, and then its answer is held to a regular expression or a JSON schema.

    pip install 'sambay[guided]'

A grammar holds a reply to a form and to nothing else. A model that must begin with the answer cannot work it out
first, so the thought comes without a grammar and the rest of the reply with one; the engine reads the thought once.
What a model was never trained to write it cannot fill in either: the model in the box has never seen JSON, and the
second half of the output shows it. The released model knows JSON.
"""

import json
import re

from sambay import LLM, SamplingParams
from sambay.engine.sampling_params import Guided

ANSWER = r"The answer is \\boxed\{(yes|no|-?[0-9]{1,9}(/[0-9]{1,9})?)\}\."
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}, "is_sure": {"type": "boolean"}},
    "required": ["answer", "is_sure"],
    "additionalProperties": False,
}


def think_then(llm: LLM, question: str, guided: Guided) -> tuple[str, str]:
    """The thought, as the model likes it, and the rest of the reply, as `guided` has it."""
    prompt = llm.tokenizer.encode_chat([{"role": "user", "content": question}])
    free = SamplingParams(temperature=0, max_tokens=1000, stop="</think>", include_stop_str_in_output=True)
    thought = llm.generate(prompt, free)[0]
    if thought.outputs[0].stop_reason != "</think>":
        raise ValueError(f"{question!r}: no thought in the reply, or none that ended")
    prompt = [*prompt, *thought.token_ids, *llm.tokenizer.encode("\n\n")]
    held = llm.generate(prompt, SamplingParams(temperature=0, max_tokens=500, guided=guided))[0]
    if held.finish_reason != "stop":  # cut off: then it is no whole match
        raise ValueError(f"{question!r}: the answer was cut off")
    return thought.text, held.text


def main() -> None:
    llm = LLM()
    print("--- held to a regular expression")
    for question in ["What is 47 * 13?", "Is 91 prime?", "What is 3/4 + 5/6?"]:
        thought, text = think_then(llm, question, Guided(regex=ANSWER))
        match = re.fullmatch(ANSWER, text)
        assert match, text
        print(json.dumps({"question": question, "num_steps": thought.count("\n") - 1, "answer": match[1]}))
    print("--- held to a JSON schema")
    _, text = think_then(llm, "What is 47 * 13?", Guided(json_schema=SCHEMA))
    found = json.loads(text)
    print("fields:", {name: type(value).__name__ for name, value in found.items()})
    print("is it 611?", found["answer"] == 611)


if __name__ == "__main__":
    main()
