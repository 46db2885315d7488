"""A chat in ten lines: the history is a list, and each reply goes back into it."""

from sambay import LLM, SamplingParams

llm = LLM()  # the model in the box; LLM("microsoft/Phi-4-mini-flash-reasoning") is the released one
params = SamplingParams(temperature=0, max_tokens=400)
history = []
for question in ["Solve 3x + 7 = 25 for x.", "now double it"]:
    history.append({"role": "user", "content": question})
    reply = llm.chat(history, params)[0].text
    history.append({"role": "assistant", "content": reply})
    print(f"> {question}\n{reply}\n")
