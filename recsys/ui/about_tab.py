"""The About tab: data and licence, method, metrics, limits, and the flaw of the first resolver.

Figures are counted from the data that is loaded, when the tab is first opened, and never written down.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.data.splits import SplitBy
from recsys.evaluation.metrics import METRICS
from recsys.resolution.flaw import FlawExample, ResolverAnswer, flaw_example
from recsys.ui.data_choice import create_data_choice
from recsys.ui.effects_card import effects_card
from recsys.ui.markup import escape, plural

if TYPE_CHECKING:
    from recsys.loaded_data import LoadedData
    from recsys.workbench import Workbench

_METHOD = """
<section class="card prose-card"><h2>Method</h2>
<ol class="steps">
<li><b>History → prompt.</b> Liked movies become a list of titles, with worked examples of other people before it,
as a bare list or as an instruction. The prompt is shown with each answer.</li>
<li><b>Prompt → completion.</b> A LLaMA- or GPT-J-family model writes on. Tokens are chosen in the order repetition
penalty, temperature, top-k, top-p; temperature 0 is greedy, and beams are searched side by side.</li>
<li><b>Completion → titles.</b> The longest run that the catalogue knows is one title, so commas inside titles survive.
Code, prose and other scripts are reported as what they are.</li>
<li><b>Titles → movies.</b> Exact names first, then the same name but for case, accents and punctuation, then the
resolver's nearest. Below its threshold a title is <em>out of catalogue</em>.</li>
<li><b>Movies → score.</b> Repeated, already liked and unresolved titles keep their rank as misses.</li>
</ol></section>
"""
_LIMITS = """
<section class="card prose-card"><h2>Limits</h2>
<ul>
<li>A small model knows few movies. Popularity is a hard baseline: the Evaluate tab always shows it on the same
records.</li>
<li>A few very active people hold many records, so intervals are drawn by person, and the mean over people stands
beside the mean over records.</li>
<li>The embedded data end in 2016. A newer movie is out of catalogue even where the recommendation is a good one.</li>
<li>Likes are ratings of four stars and more; what somebody would have liked but never rated counts as a miss.</li>
<li>A model may have read MovieLens, or pages made of it, in its own training. Nobody can rule that out.</li>
</ul></section>
"""
_LICENCE = (
    "<p>Research use, with acknowledgement; no commercial use without permission; no endorsement by the University of "
    "Minnesota is implied; redistributed under these same conditions. The full terms stand in "
    "<code>assets/movielens/README.md</code>.</p>"
    '<p class="citation">F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. '
    "ACM Transactions on Interactive Intelligent Systems 5, 4: 19:1–19:19. "
    '<a href="https://doi.org/10.1145/2827872" rel="noopener">doi 10.1145/2827872</a></p>'
)
_SPLIT_MEANS: dict[SplitBy, str] = {
    "user": "People are split, not ratings, so nobody is in two sets.",
    "record": "Records are drawn from everybody: a person may be in several sets, each like is in one.",
    "time": "What was liked last is held out: a person may be in several sets, each like is in one.",
}
_RESOLVER_TITLES = {"levenshtein": "Levenshtein", "common_characters": "Common characters"}


def create_about_tab(
    workbench: Workbench, tab: gr.Tab
) -> tuple[Callable[[], tuple[str, str]], tuple[gr.HTML, gr.HTML]]:
    """Makes the tab inside the block that is open; its figures are filled in when ``tab`` is first opened.

    Returns:
        What draws the cards that tell of the data, and these cards.
    """
    plain: dict[str, Any] = {"apply_default_css": False}
    with gr.Column(elem_classes=["about"]):
        with gr.Column(elem_classes=["about-data"]):
            data = gr.HTML('<section class="card prose-card"><h2>Data</h2><p class="bone"></p></section>', **plain)
            create_data_choice(workbench)
        gr.HTML(_METHOD, **plain)
        gr.HTML(metric_definitions(), **plain)
        flaw = gr.HTML('<section class="card prose-card"><h2>Resolvers</h2><p class="bone"></p></section>', **plain)
        gr.HTML(effects_card(workbench.options.shipped_reports), **plain)
        gr.HTML(_LIMITS, **plain)

    @lru_cache(maxsize=1)
    def figures_of(data: LoadedData) -> tuple[str, str]:
        return data_card(data), flaw_card(flaw_example(data.catalogue))

    def figures() -> tuple[str, str]:
        return figures_of(workbench.data)

    tab.select(figures, None, [data, flaw], queue=False, show_progress="hidden", api_visibility="private")
    return figures, (data, flaw)


def data_card(data: LoadedData) -> str:
    """What was loaded, how it was split, and its licence."""
    dataset, split = data.dataset, data.split
    people = dataset.ratings["user_id"].nunique()
    lead = (
        f"{plural(len(dataset.ratings), 'rating')} of {plural(len(dataset.movies), 'movie')} by "
        f"{plural(people, 'person').replace('persons', 'people')}: {escape(data.name)}"
    )
    rows = "".join(
        f"<tr><th scope='row'>{name.capitalize()}</th><td>{len(split.users[name]):,}</td>"
        f"<td>{len(split.records[name]):,}</td></tr>"
        for name in split.records
    )
    notices = "".join(f"<li>{escape(notice)}</li>" for notice in dataset.notices)
    return (
        f'<section class="card prose-card"><h2>Data</h2><p>{lead}. A <b>record</b> is ten movies that one person liked '
        f"in a row: six are the history, four are to be found. {_SPLIT_MEANS[data.choice.split.split_by]}"
        '</p><table class="plain"><thead><tr><th scope="col">Set</th><th scope="col">People</th>'
        f'<th scope="col">Records</th></tr></thead><tbody>{rows}</tbody></table>'
        f"{f'<ul>{notices}</ul>' if notices else ''}{_LICENCE}</section>"
    )


def metric_definitions(k: int = 4) -> str:
    """Every metric with the formula that the code uses."""
    rows = "".join(f"<li>{escape(metric.definition(k))}</li>" for metric in METRICS.values())
    return (
        f'<section class="card prose-card"><h2>Metrics</h2><ul class="formulas">{rows}</ul>'
        "<p><b>Raw</b> counts only titles written exactly as the catalogue has them; <b>resolved</b> counts what the "
        "resolver found as well. An empty list scores 0.</p></section>"
    )


def flaw_card(example: FlawExample | None) -> str:
    """Why the resolver counts edits: one misspelt title, read by both resolvers."""
    lead = (
        "<p>The first try took the title that shares the most characters. Nothing is taken off for characters too "
        "many, so a longer wrong title shares at least as much as the right one. Counting edits has no such flaw.</p>"
    )
    if example is None:
        return f'<section class="card prose-card"><h2>Resolvers</h2>{lead}</section>'
    rows = "".join(_answer_row(answer, answer.movie == example.meant) for answer in example.answers)
    return (
        f'<section class="card prose-card"><h2>Resolvers</h2>{lead}<p>A model writes <code>{escape(example.written)}'
        f'</code> for {escape(example.meant.display())}:</p><table class="plain"><thead><tr>'
        f'<th scope="col">Resolver</th><th scope="col">Takes</th><th scope="col">Shared characters</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        "</section>"
    )


def _answer_row(answer: ResolverAnswer, is_right: bool) -> str:
    mark = '<span class="badge st-exact">✓ right</span>' if is_right else '<span class="badge st-error">✗ wrong</span>'
    name = _RESOLVER_TITLES.get(answer.resolver, answer.resolver)
    return (
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(answer.movie.display())} {mark}</td>'
        f"<td>{answer.shared_characters} of {answer.title_characters}</td></tr>"
    )
