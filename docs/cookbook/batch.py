"""Replies to every question of a file, JSONL in and JSONL out. Killed, it goes on when it is started again.

    python docs/cookbook/batch.py docs/cookbook/questions.jsonl replies.jsonl

Each line of the input has an "id" of its own and a "question". A reply's line is written once and never changed, so
what is on the disk is done, and what is not is asked again.
"""

import json
import os
import sys
from pathlib import Path

from sambay import LLM, SamplingParams
from sambay.chat import split_reasoning
from sambay.evaluation import final_answer

NUM_AT_A_TIME = 8  # what a kill can cost; more of them are faster: 64 on a CPU, 256 on a GPU


def read_questions(path: Path) -> list[dict]:
    questions = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if len({question["id"] for question in questions}) < len(questions):
        raise ValueError(f"{path} has the same id twice: each question needs its own")
    return questions


def ids_done(path: Path) -> set:
    """The ids of whole lines; a last line that a kill cut off is removed."""
    if not path.exists():
        return set()
    whole = path.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    os.truncate(path, len(whole))
    return {json.loads(line)["id"] for line in whole.splitlines()}


def main(source: Path, target: Path) -> None:
    done = ids_done(target)
    left = [question for question in read_questions(source) if question["id"] not in done]
    print(f"{len(done)} done, {len(left)} to do", flush=True)
    if not left:
        return
    llm = LLM()
    params = SamplingParams(temperature=0, max_tokens=1000)
    with target.open("a", encoding="utf-8") as file:
        for start in range(0, len(left), NUM_AT_A_TIME):
            questions = left[start : start + NUM_AT_A_TIME]
            outputs = llm.chat([[{"role": "user", "content": one["question"]}] for one in questions], params)
            for question, output in zip(questions, outputs, strict=True):
                thought, text = split_reasoning(output.text)
                # finish_reason "length": cut off, so that there may be no answer (null)
                reply = {"answer": final_answer(output.text), "text": text, "thought": thought}
                line = {"id": question["id"], **reply, "finish_reason": output.finish_reason}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
            print(f"{min(start + NUM_AT_A_TIME, len(left))} of {len(left)} written", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: batch.py QUESTIONS.jsonl REPLIES.jsonl")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
