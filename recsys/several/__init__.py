"""One question put to several adapters, or to several models each in several ways: a grid of answers.

grid.py says what is asked and what cannot be, answers.py asks cell by cell, counts.py says what the titles of an
answer came to. Nothing here knows a page or a command line.
"""

from recsys.several.answers import CellAnswer, GridState, answer_grid
from recsys.several.counts import PARTS, TitlePart, count_titles
from recsys.several.grid import Cell, Grid, adapter_grid, model_grid, models_here

__all__ = [
    "PARTS",
    "Cell",
    "CellAnswer",
    "Grid",
    "GridState",
    "TitlePart",
    "adapter_grid",
    "answer_grid",
    "count_titles",
    "model_grid",
    "models_here",
]
