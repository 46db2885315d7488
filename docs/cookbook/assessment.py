"""An assessment: students' answers are marked, and what was got wrong is worked out for them.

    pip install 'sambay[evaluate]'
    python docs/cookbook/assessment.py docs/cookbook/answers.csv marked.csv

The input has the columns student, question, wanted, answer. Marks come from comparing the answer with the wanted one as
mathematics (0.75 is 3/4), never from the model. A worked solution is the model's, and is printed only where it arrives
at the wanted answer.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

from sambay import LLM, SamplingParams
from sambay.chat import split_reasoning
from sambay.evaluation import final_answer, is_right

COLUMNS = ("student", "question", "wanted", "answer")


def read_answers(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, 2):
        if any(row.get(name) is None for name in COLUMNS):
            raise ValueError(f"{path}, line {number}: needed are the columns {', '.join(COLUMNS)}")
    return rows


def mark(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows with a column is_right, yes or no. An answer left blank is wrong."""
    return [{**row, "is_right": "yes" if is_right(row["answer"].strip(), row["wanted"]) else "no"} for row in rows]


def solutions(wanted: dict[str, str]) -> dict[str, str]:
    """A worked solution to each question, from question to wanted answer; none where the model does not get there."""
    params = SamplingParams(temperature=0, max_tokens=600)
    outputs = LLM().chat([[{"role": "user", "content": question}] for question in wanted], params)
    replies = dict(zip(wanted, (output.text for output in outputs), strict=True))
    return {
        question: split_reasoning(reply).reasoning
        for question, reply in replies.items()
        if is_right(final_answer(reply), wanted[question])
    }


def main(source: Path, target: Path) -> None:
    rows = mark(read_answers(source))
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "is_right"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)

    scores = defaultdict(list)
    for row in rows:
        scores[row["student"]].append(row["is_right"] == "yes")
    for student, marks in scores.items():
        print(f"{student}: {sum(marks)} of {len(marks)}")

    wrong = {row["question"]: row["wanted"] for row in rows if row["is_right"] == "no"}
    worked = solutions(wrong) if wrong else {}
    for question in wrong:
        who = ", ".join(
            f"{row['student']} ({row['answer'].strip() or 'no answer'})"
            for row in rows
            if row["question"] == question and row["is_right"] == "no"
        )
        print(f"\n{question} Wrong: {who}")
        print(worked.get(question, "The model does not solve this one: ask a teacher."))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: assessment.py ANSWERS.csv MARKED.csv")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
