"""From a completion to the titles it names.

A title may hold commas, and a model may write code, prose or another script instead of a list. The
parser takes the longest run that the catalogue knows before it falls back on the separator, and
reports what is not a list instead of cutting titles out of it.
"""

from recsys.parsing.generated import GeneratedTitle, ListFormat, ParsedCompletion, TextProblem
from recsys.parsing.parser import is_list_complete, parse_completion

__all__ = [
    "GeneratedTitle",
    "ListFormat",
    "ParsedCompletion",
    "TextProblem",
    "is_list_complete",
    "parse_completion",
]
