"""Figures of made-up records, so that a comparison can be worked by hand."""

from recsys.tuning.effects.figures import CellFigures, RecordFigures

SHARES = ("well_formed", "exactly_n", "out_of_catalogue", "repeated", "wrong_year")


def record(record_id, user_id, items=(), **metrics):
    return RecordFigures(record_id, user_id, metrics, items)


def cell(values, *, shares=1.0, num_users=None, **others):
    """A cell of one record a user (or of as many users as are named), MAP as given; other figures are the same."""
    users = num_users or len(values)
    records = tuple(
        record(f"{place}-0", place % users, map=value, **{name: figures[place] for name, figures in others.items()})
        for place, value in enumerate(values)
    )
    return CellFigures(dict.fromkeys(SHARES, (shares, 4 * len(values))), records, seconds=0.5, tokens=8.0)
