"""Streaming: a reply as it is written, its thought apart from its answer, and a reply that is left half-way."""

from contextlib import closing

from sambay import LLM, SamplingParams
from sambay.chat import ReasoningSplitter

llm = LLM()
params = SamplingParams(temperature=0, max_tokens=400)

# The pieces hold a few characters each. The splitter says which of them are thought, whatever way the tags are cut.
splitter = ReasoningSplitter()
is_answering = False
print("--- thought")
for piece in llm.stream([{"role": "user", "content": "What is 12 * 13?"}], params):
    thought, answer = splitter.feed(piece.text)
    if answer and not is_answering:
        print("\n--- answer")
        is_answering = True
    print(thought + answer, end="", flush=True)
thought, answer = splitter.flush()
print(thought + answer)

# Who leaves the loop closes the stream: the engine stops writing, and frees what the reply held.
print("--- the first line alone")
text = ""
with closing(llm.stream([{"role": "user", "content": "Is 91 prime?"}], params)) as stream:
    for piece in stream:
        text += piece.text
        if text.count("\n") == 2:  # <think>, and one line of it
            break
print(text.strip())
print(f"still at work: {llm.engine.has_work}, tokens written in all: {llm.counters.num_generated_tokens}")
