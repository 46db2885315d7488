"""Text in and out of the model: tokenizer, template, decoding, stop strings, reasoning split."""

from .reasoning import ReasoningSplitter, Split, split_reasoning
from .stop import StopStrings

__all__ = ["ReasoningSplitter", "Split", "StopStrings", "split_reasoning"]
