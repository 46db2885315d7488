"""Text in and out of the model: tokenizer, template, decoding, stop strings, reasoning split."""

from .decoding import IncrementalDecoder, TokenBytes
from .reasoning import ReasoningSplitter, Split, split_reasoning
from .stop import StopStrings
from .template import RELEASED_TEMPLATE, ROLES, Message, checked_messages, training_template
from .tokenizer import ChatTokenizer
from .vocabulary import build_byte_tokenizer, build_released_tokenizer, with_chat_format

__all__ = [
    "RELEASED_TEMPLATE",
    "ROLES",
    "ChatTokenizer",
    "IncrementalDecoder",
    "Message",
    "ReasoningSplitter",
    "Split",
    "StopStrings",
    "TokenBytes",
    "build_byte_tokenizer",
    "build_released_tokenizer",
    "checked_messages",
    "split_reasoning",
    "training_template",
    "with_chat_format",
]
