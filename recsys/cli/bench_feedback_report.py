"""What ``bench feedback`` found: figures of each round, and the tables and words that tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from recsys.cli.bench_report import markdown_table
from recsys.evaluation.feedback_simulation import FOUND, WAYS, RoundScore, Way
from recsys.evaluation.metrics import HEADLINE
from recsys.evaluation.scores import MetricScore, PairedDifference
from recsys.evaluation.summary import adjust_p_values, paired_difference

_KNOWN: Final = {
    "all": "Users vote by all their ratings, later ones too.",
    "past": "Users vote by their ratings up to the last movie of the record's history.",
}
_SKIPS: Final = {
    "stay": "Titles without a vote may come again.",
    "hidden": "Every title that was shown is hidden from then on, so that each round is a new page of titles.",
}
_PLACES: Final = {"last": "", "first": "Liked movies join the history before all others, not as the latest."}
_RULES: Final = (
    "A shown movie that the user rated 4 or more gets 👍 and joins the history, one rated 2 or less gets 👎 and never "
    "comes again, others get no vote. The record's relevant movies are never voted on, hit or not, so no round is told "
    "of them and every round is scored on the same ones. *Told*: the system reads the votes. *Not told*: what its user "
    "votes on is left out and nothing is learnt of it, since leaving known movies out makes room by itself."
)


def metric_of(way: Way) -> str:
    """MAP of each round's list; where lists are pages, what all of them together found."""
    return HEADLINE if way.skips == "stay" else FOUND


def describe_system(
    name: str, told: Sequence[Sequence[RoundScore]], untold: Sequence[Sequence[RoundScore]], way: Way
) -> dict[str, Any]:
    """Each round of one system: means, votes, and paired differences, their p-values corrected for all of them."""
    metric = metric_of(way)
    differences: list[PairedDifference] = []
    for ours, control in zip(told[1:], untold[1:], strict=True):
        differences.append(paired_difference(ours, told[0], against="round 0", metric=metric))
        differences.append(paired_difference(ours, control, against="not told", metric=metric))
    adjusted = adjust_p_values(differences)
    rounds = []
    for number, (ours, control) in enumerate(zip(told, untold, strict=True)):
        row: dict[str, Any] = {
            "round": number,
            "told": _mean_of(ours, metric),
            "not_told": _mean_of(control, metric),
            "likes": sum(one.num_likes for one in ours),
            "dislikes": sum(one.num_dislikes for one in ours),
            "records_with_a_vote": sum(one.num_likes + one.num_dislikes > 0 for one in ours),
            "not_told_votes": sum(one.num_likes + one.num_dislikes for one in control),
        }
        if number:
            since, over = adjusted[2 * number - 2 : 2 * number]
            row |= {"minus_round_0": _difference_of(since), "minus_not_told": _difference_of(over)}
        rounds.append(row)
    return {"system": name, "metric": metric, "rounds": rounds}


def _mean_of(scores: Sequence[RoundScore], metric: str) -> dict[str, Any]:
    score = MetricScore.of_records([one.metrics[metric] for one in scores], [one.user_id for one in scores])
    ends = None if score.interval is None else [score.interval.low, score.interval.high]
    return {"mean": score.mean, "interval": ends, "over_users": score.mean_over_users}


def _difference_of(difference: PairedDifference) -> dict[str, Any]:
    ends, test = difference.interval, difference.permutation
    return {
        "mean": difference.mean,
        "interval": None if ends is None else [ends.low, ends.high],
        "p_value": None if test is None else test.p_value,
        "adjusted_p_value": difference.adjusted_p_value,
    }


def render(found: Mapping[str, Any]) -> str:
    """The findings as Markdown: for each way of voting the means, the differences and the votes by round."""
    about = f"{found['records']} {found['split']} records of {found['users']} users of {found['data']}"
    return "\n\n".join(
        [
            f"`{found['command']}`: {about}. {_RULES} {found['note']}".rstrip(),
            *(_render_way(way, found) for way in found["ways"]),
        ]
    )


def _render_way(found: Mapping[str, Any], of: Mapping[str, Any]) -> str:
    way, k = WAYS[found["way"]], of["k"]
    measured = (
        f"MAP@{k}" if metric_of(way) == HEADLINE else f"Share of the relevant movies found in all lists of {k} so far"
    )
    if metric_of(way) == FOUND:
        measured += "; *not told* is paging through the first ranking"
    known = f"{found['known_ratings_per_record']:,.0f} ratings a record that could become votes on average."
    told = " ".join(filter(None, (_KNOWN[way.known], _SKIPS[way.skips], _PLACES[way.place])))
    systems = found["systems"]
    tables = (
        (f"{measured}, 95% interval, in brackets over users: told of the votes", _rows(systems, _told)),
        ("The same, not told", _rows(systems, _not_told, since=1)),
        ("Told, minus round 0", _rows(systems, _since_start, since=1)),
        ("Told, minus not told", _rows(systems, _over_control, since=1)),
        ("👍 + 👎 given before the round, and records with a vote", _rows(systems, _votes, since=1)),
    )
    head = f"## {found['way']}\n\n{told} {known}\n\n"
    p_values = (
        "p: permutation test by user, corrected by Holm for all differences of a system to round 0 and to *not told*.\n"
    )
    return head + "\n".join(f"### {title}\n\n{markdown_table(rows)}" for title, rows in tables) + "\n" + p_values


def _rows(systems: Sequence[Mapping[str, Any]], write: Any, *, since: int = 0) -> list[dict[str, Any]]:
    numbers = range(since, len(systems[0]["rounds"]))
    return [
        {"round": str(number), **{system["system"]: write(system["rounds"][number]) for system in systems}}
        for number in numbers
    ]


def _told(row: Mapping[str, Any]) -> str:
    return _mean(row["told"])


def _not_told(row: Mapping[str, Any]) -> str:
    return _mean(row["not_told"])


def _since_start(row: Mapping[str, Any]) -> str:
    return _difference(row["minus_round_0"])


def _over_control(row: Mapping[str, Any]) -> str:
    return _difference(row["minus_not_told"])


def _votes(row: Mapping[str, Any]) -> str:
    return f"{row['likes']:,} + {row['dislikes']:,}, {row['records_with_a_vote']:,}"


def _mean(cell: Mapping[str, Any]) -> str:
    return f"{cell['mean']:.4f}{_ends(cell['interval'])} ({cell['over_users']:.4f})"


def _difference(cell: Mapping[str, Any]) -> str:
    told = "" if cell["adjusted_p_value"] is None else f", p {cell['adjusted_p_value']:.4f}"
    return f"{cell['mean']:+.4f}{_ends(cell['interval'])}{told}"


def _ends(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f" [{interval[0]:.4f}, {interval[1]:.4f}]"
