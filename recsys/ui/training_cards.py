"""Training runs as HTML: what each figure measures, a run under way, and one card of facts for each run.

Every text of folders is escaped here. The functions are given runs and return strings; they know no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from recsys.models.adapter_card import AdapterCard
from recsys.models.adapter_facts import AdapterScore
from recsys.training.recorded_runs import RecordedRun
from recsys.ui.evaluation_cards import duration
from recsys.ui.markup import escape, plural
from recsys.ui.training_figures import DASHES, CurveKind, CurveLine

COMMAND: Final = "python -m recsys train --recipe story --name my-adapter"

_DASH_ARRAYS: Final = {"solid": "", "dash": "6 3", "dot": "2 3", "dashdot": "6 3 2 3"}
_KIND_TITLES: Final = {"adapter": "Adapter", "model": "Model", "training": "Training folder"}
_PHASE_TITLES: Final = {"running": "Running", "stopped": "Stopped early", "done": "Finished"}
_TOLD_ELSEWHERE: Final = ("method", "num_train_epochs", "seed")
_FACTS_IN_SIGHT: Final = 12


@dataclass(frozen=True)
class RunOffer:
    """What a card offers besides facts.

    Attributes:
        base: Whether the base's weights are those of this machine, as a sentence; empty where not known.
        no_use: Why it cannot be used in Recommend, as a sentence; None where it can.
        can_download: Whether it can be packed.
    """

    base: str = ""
    no_use: str | None = None
    can_download: bool = False


def empty_html() -> str:
    """Before the first run: what would be here, and the command that makes it."""
    return (
        '<div class="tr-empty"><h2 class="ev-title">No curves yet</h2>'
        "<p>A training run writes its losses, learning rate and validation MAP@4 while it goes on. They are drawn "
        "here, several runs over each other. This command trains a first adapter:</p>"
        f"{command_html(COMMAND)}</div>"
    )


def definition_html(kind: CurveKind, runs: Sequence[RecordedRun]) -> str:
    """One line: what the numbers of a figure are, and of how many records and users."""
    if kind == "train":
        told = "Mean cross-entropy in nats a target token over the steps since the point before"
        records = _counts([run.card.num_records for run in runs])
        return _definition(f"{told}, on {records} training records" if records else f"{told}, on training records")
    if kind == "validation":
        records = _counts([run.card.num_validation_records for run in runs])
        users = _counts([run.card.num_validation_users for run in runs])
        of = f"{records} records of {users} validation users" if records and users else "records of validation users"
        return _definition(f"Mean cross-entropy in nats a target token on {of}, never trained on")
    if kind == "learning_rate":
        return _definition("AdamW's learning rate at each step")
    points = [point for run in runs if run.curves for point in run.curves.ranking]
    records, users = (_counts([getattr(p, name) for p in points]) for name in ("num_records", "num_users"))
    of = f"{records} records of {users} validation users" if points else "records of validation users"
    told = f"Mean average precision of catalogue rankings on {of}"
    return _definition(f"{told}; whiskers are 95% intervals clustered by user" if points else told)


def _definition(text: str) -> str:
    return f'<p class="tr-definition">{escape(text)}.</p>'


def _counts(numbers: Sequence[int | None]) -> str:
    """The number, or the least and the most where runs differ; none and 0 are of runs that measured nothing.

    >>> _counts([128, 128]), _counts([64, None, 0, 1280]), _counts([None])
    ('128', '64 to 1,280', '')
    """
    known = [number for number in numbers if number]
    if not known:
        return ""
    low, high = min(known), max(known)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def progress_html(runs: Sequence[RecordedRun]) -> str:
    """The runs that are being written now: how far they are, and how long the rest takes."""
    return "".join(_progress(run) for run in runs if run.phase() == "running")


def _progress(run: RecordedRun) -> str:
    planned, done = run.planned_steps, run.last_step
    share = min(done / planned, 1.0) if planned else 0.0
    facts = [f"{done:,} of {plural(planned, 'step')}" if planned else plural(done, "step")]
    if planned and run.seconds_left is not None:
        facts.append(f"about {duration(run.seconds_left)} left")
    return (
        f'<div class="ev-card ev-progress"><p><strong>{escape(run.title)} is being trained</strong>'
        f'<span class="ev-number">{share:.0%}</span></p>'
        f'<div class="ev-track" role="progressbar" aria-label="Steps done of {escape(run.title)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{share * 100:.0f}"><i style="width:{share:.1%}"></i></div>'
        f'<p class="ev-quiet">{" · ".join(facts)}</p></div>'
    )


def cards_html(runs: Sequence[tuple[RecordedRun, CurveLine | None, RunOffer]]) -> str:
    """One card for each run."""
    return f'<div class="tr-cards">{"".join(_card(*run) for run in runs)}</div>'


def _card(run: RecordedRun, line: CurveLine | None, offer: RunOffer) -> str:
    card = run.card
    parts = [
        f"<header>{_swatch(line) if line else ''}<h2>{escape(run.title)}</h2>{_badge(run)}</header>",
        f'<p class="tr-problem" role="alert">{escape(run.problem)}</p>' if run.problem else "",
        f'<p class="tr-note">{escape(card.note)}</p>' if card.note else "",
        _scores(card.scores),
        _forgetting(card),
        _facts(run, offer.base),
        command_html(card.command) if card.command else "",
        _buttons(run, offer),
    ]
    return f'<article class="ev-card tr-card">{"".join(parts)}</article>'


def _badge(run: RecordedRun) -> str:
    kind = _KIND_TITLES[run.kind]
    if run.curves is None:
        return f'<span class="tr-badge">{kind}{"" if run.problem else " · no curves"}</span>'
    phase = run.phase()
    told = _PHASE_TITLES[phase]
    if phase == "stopped":
        told += f" after {run.last_epoch:.3g} of {run.curves.num_train_epochs:g} epochs"
    return f'<span class="tr-badge tr-{phase}">{kind} · {told}</span>'


def _swatch(line: CurveLine) -> str:
    dash = _DASH_ARRAYS[DASHES[line.place % len(DASHES)]]
    return (
        '<svg class="tr-swatch" viewBox="0 0 26 4" aria-hidden="true"><line x1="0" y1="2" x2="26" y2="2" '
        f'stroke="{line.colour}" stroke-width="3" stroke-dasharray="{dash}"/></svg>'
    )


def _scores(scores: Sequence[AdapterScore]) -> str:
    if not scores:
        return ""
    return f'<ul class="tr-scores">{"".join(map(_score, scores))}</ul>'


def _score(score: AdapterScore) -> str:
    users = "" if score.map_users is None else f"mean over users {score.map_users:.4f}"
    told = [text for text in (score.told_of, users) if text]
    interval = f'<span class="ev-number">95% interval {escape(score.interval)}</span>' if score.interval else ""
    return (
        f"<li><p><span>{escape(score.label)}</span><strong>{score.map:.4f}</strong>{interval}</p>"
        f"<small>{escape(' · '.join(told))}</small>{_fold('How it was measured', score.command)}</li>"
    )


def _fold(title: str, command: str | None) -> str:
    if not command:
        return ""
    return f'<details class="ev-fold"><summary>{title}</summary>{command_html(command)}</details>'


def _forgetting(card: AdapterCard) -> str:
    if card.forgetting is None:
        return ""
    before, after = card.forgetting.before, card.forgetting.after
    on = f" on {escape(card.forgetting.text)}" if card.forgetting.text else ""
    change = f", {(after / before - 1) * 100:+.1f}%".replace("-", "−") if before > 0 else ""
    return (
        f'<p class="tr-forgetting">Forgetting: perplexity{on} <b>{before:.2f} → {after:.2f}</b>{change}. '
        "Higher is language forgotten.</p>"
    )


def _facts(run: RecordedRun, base: str) -> str:
    card = run.card
    rows = [(label, text, base if label == "Base model" else "") for label, text in card.facts()]
    rows += [(name, str(value), "") for name, value in card.training.items() if name not in _TOLD_ELSEWHERE]
    if not rows:
        is_training = run.kind == "training" and run.phase() == "running"
        told = "Its facts are written when it ends." if is_training else "Its folder does not tell how it was trained."
        return f'<p class="ev-quiet">{told}</p>'
    told = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(text)}{f'<small>{escape(more)}</small>' if more else ''}</dd></div>"
        for label, text, more in rows[:_FACTS_IN_SIGHT]
    )
    rest = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>" for label, text, _ in rows[_FACTS_IN_SIGHT:]
    )
    fold = (
        f'<details class="ev-fold"><summary>All settings</summary><dl class="tr-facts">{rest}</dl></details>'
        if rest
        else ""
    )
    return f'<dl class="tr-facts">{told}</dl>{fold}'


def command_html(command: str) -> str:
    """A command line to be copied; answer.js does it."""
    return (
        f'<div class="tr-command"><code>{escape(command)}</code>'
        f'<button type="button" class="copy" data-copy="{escape(command)}">Copy</button>'
        '<span class="visually-hidden" role="status"></span></div>'
    )


def _buttons(run: RecordedRun, offer: RunOffer) -> str:
    key = escape(run.key)
    use = (
        f'<button type="button" class="copy" data-use="{key}">Use in Recommend</button>' if offer.no_use is None else ""
    )
    pack = (
        f'<button type="button" class="copy" data-pack="{key}">Download as zip</button>' if offer.can_download else ""
    )
    why = f'<span class="ev-quiet">{escape(offer.no_use)}</span>' if offer.no_use else ""
    return f'<div class="tr-buttons">{use}{pack}{why}</div>' if use or pack or why else ""
