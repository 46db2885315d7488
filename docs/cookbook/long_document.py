"""Questions about a document of 64K tokens: what reading costs, and how a second question does without it.

    python docs/cookbook/long_document.py                                             # the mechanism, in half a minute
    python docs/cookbook/long_document.py microsoft/Phi-4-mini-flash-reasoning report.txt

The model in the box reads no more than 4,096 tokens, so without arguments a tiny model of the same family with random
weights stands in for one that reads 64K: the counts and the times per token are real, and what it writes means nothing.
The released model takes the same calls. It reads 64K tokens (its tokenizer's bound), and keeps 5,120 bytes of each in
bfloat16: 336 MB beside the 7.7 GB of its weights.
"""

import sys
import time
from pathlib import Path

import torch

from sambay import LLM, SambaYForCausalLM, SamplingParams, named_config
from sambay.chat import ChatTokenizer, build_byte_tokenizer

QUESTIONS = ["Which line names the number 417?", "How many lines are there?", "What is the document about?"]
LATER = "In which line is the fox seen most often? Answer with its number and how often that is."
NUM_LEFT_FREE = 2560  # tokens of the context, for the question and the reply


def stand_in() -> LLM:
    """A random model of the family, whose tokens are bytes."""
    torch.manual_seed(0)
    network = SambaYForCausalLM(named_config("tiny", max_position_embeddings=65536))
    return LLM(network, tokenizer=ChatTokenizer(build_byte_tokenizer()), max_sequences=4)


def made_up_document() -> str:
    return "".join(f"Line {number}: the fox is seen {number * 7919 % 1000} times.\n" for number in range(1, 3000))


def main(llm: LLM, text: str, is_trained: bool) -> None:
    document = llm.tokenizer.encode(text)[: llm.engine.limits.max_model_len - NUM_LEFT_FREE]

    print("--- reading: the cost of a token does not grow with what was read before it")
    for num_tokens in (len(document) // 8, len(document) // 4, len(document) // 2, len(document)):
        llm.engine.clear_prefixes()
        start = time.perf_counter()
        llm.generate(document[:num_tokens], SamplingParams(max_tokens=1))
        seconds = time.perf_counter() - start
        print(f"{num_tokens:,} tokens: {1e6 * seconds / num_tokens:.1f} µs each")

    # The document comes first and the question last, so that all conversations begin alike. Asked together, they show
    # the engine where they part, and it keeps its state there. Asked one by one, the second may be read whole as well.
    print("--- asking: what conversations have in common is computed once")
    llm.engine.clear_prefixes()
    system = {"role": "system", "content": llm.tokenizer.decode(document)}
    params = SamplingParams(temperature=0, max_tokens=2000 if is_trained else 16)
    for name, questions in {"three questions in one call": QUESTIONS, "a later question": [LATER]}.items():
        before, start = llm.counters.num_prefill_tokens, time.perf_counter()
        outputs = llm.chat([[system, {"role": "user", "content": question}] for question in questions], params)
        num_computed, seconds = llm.counters.num_prefill_tokens - before, time.perf_counter() - start
        print(f"{name}: {num_computed:,} prompt tokens computed in {seconds:.2f} s")
        for output in outputs if is_trained else ():
            print(output.text)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main(stand_in(), made_up_document(), is_trained=False)
    elif len(sys.argv) == 3:
        text = Path(sys.argv[2]).read_text(encoding="utf-8")
        main(LLM(sys.argv[1], max_sequences=4), text, is_trained=True)
    else:
        sys.exit("usage: long_document.py [MODEL DOCUMENT.txt]")
