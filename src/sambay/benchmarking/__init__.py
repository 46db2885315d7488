"""Speed and memory of a model against a Transformer of its size, in one run: what `sambay bench` does."""

from .cells import Cell
from .models import open_subjects
from .records import Record, read_record
from .run import check_all, contenders_of, measure_missing, open_results
from .settings import PATHS, SECTIONS, Grid, with_defaults
from .tables import on_terminal, write_markdown

__all__ = [
    "PATHS",
    "SECTIONS",
    "Cell",
    "Grid",
    "Record",
    "check_all",
    "contenders_of",
    "measure_missing",
    "on_terminal",
    "open_results",
    "open_subjects",
    "read_record",
    "with_defaults",
    "write_markdown",
]
