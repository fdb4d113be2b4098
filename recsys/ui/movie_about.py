"""What a row of the answer tells of its movie once it is opened."""

from __future__ import annotations

from recsys.catalogue import Catalogue, Movie
from recsys.ui.markup import escape

_MAX_TAGS = 6


def about_html(movie: Movie, title: str, catalogue: Catalogue) -> str:
    """The title, which opens what else is known of the movie.

    Args:
        movie: The movie.
        title: As the row shows it, already safe.
        catalogue: Knows how popular it is.
    """
    liked = catalogue.popularity.get(movie.item_id, 0)
    facts = [("Genres", ", ".join(movie.genres) or "none listed"), ("Training users who like it", f"{liked:,}")]
    if movie.alternative_titles:
        facts.append(("Also called", "; ".join(movie.alternative_titles)))
    if movie.tags:
        facts.append(("Tags", ", ".join(movie.tags[:_MAX_TAGS])))
    facts.append(("MovieLens id", str(movie.item_id)))
    rows = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return (
        f'<details class="row-open" data-about="{movie.item_id}"><summary class="row-title">{title}</summary>'
        f'<dl class="row-about">{rows}</dl></details>'
    )
