"""What each token of a completion was chosen among, before and after the sliders.

One forward pass over prompt and completion gives the model's distribution at every token; the generator's
own processors then say what each slider makes of it. Nothing is drawn here, and the text stays as it is:
other settings show what they would make of the same choices. Does not guard the model against other threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from recsys.generation.detokenization import Detokenizer
from recsys.generation.model_facts import end_of_text_ids
from recsys.generation.sampling import SeededGumbel, logits_processors
from recsys.generation.tokenization import PromptTokenizer
from recsys.prompts import Prompt
from recsys.settings import GenerationSettings

if TYPE_CHECKING:
    from torch import Tensor

    from recsys.models.loading import LoadedModel

Knob = Literal["temperature", "top_k", "top_p"]
"""What takes a token out of the draw; temperature does so at 0, where the likeliest is always taken."""

NUM_ALTERNATIVES = 10
UNFINISHED = "\ufffd"
"""Stands for a token that is a part of a character."""

_KNOBS: tuple[Knob, ...] = ("temperature", "top_k", "top_p")
_CUTS: dict[str, Knob] = {"TopKLogitsWarper": "top_k", "TopP": "top_p"}
_ROWS_AT_ONCE = 64
_GREEDY = "Temperature 0 always takes the likeliest token, so after the sliders it is one or nothing."
_BEAMS = (
    "With beams, whole lists are compared: these are each token's own chances within the list that won, and a "
    "likelier token may have led to a less likely list."
)


@dataclass(frozen=True)
class Alternative:
    """One token that could have stood at a place.

    Attributes:
        token_id: Its id.
        text: Its text as it stands within a line; UNFINISHED for a part of a character.
        before: Its probability as the model gives it.
        after: Its probability after penalty, temperature, top-k and top-p: what is drawn from.
        cut_by: The slider that took it out; None where it is kept.
        is_penalised: Whether the repetition penalty made it unlikelier.
    """

    token_id: int
    text: str
    before: float
    after: float
    cut_by: Knob | None
    is_penalised: bool


@dataclass(frozen=True)
class TokenView:
    """One token of a completion and what it was chosen among.

    Attributes:
        written: The token itself. Its text is what it added, so that all together are the completion; it is empty
            where a character was not finished by it.
        rank: Its place by probability before the sliders; 1 is the likeliest.
        entropy_before: Of the model's distribution, in bits.
        entropy_after: Of what is drawn from, in bits.
        num_kept: Tokens that may be drawn.
        likeliest_before: The likeliest NUM_ALTERNATIVES before the sliders, likeliest first.
        likeliest_after: The same after them; fewer where fewer are kept.
    """

    written: Alternative
    rank: int
    entropy_before: float
    entropy_after: float
    num_kept: int
    likeliest_before: tuple[Alternative, ...]
    likeliest_after: tuple[Alternative, ...]


@dataclass(frozen=True)
class CompletionView:
    """Every token of a completion, seen through some settings.

    Attributes:
        tokens: In the order they were written.
        settings: Whose effect is shown.
        notes: What the reader should know, each as a sentence.
    """

    tokens: tuple[TokenView, ...]
    settings: GenerationSettings
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Steps:
    """What the sliders make of some places of a completion; the first axis is the place, the second the token.

    Attributes:
        before: (places, vocabulary) probabilities of the model.
        after: (places, vocabulary) probabilities that are drawn from.
        cut: (places, vocabulary) 0 where a token is kept, else 1 + the index in _KNOBS of what cut it.
        is_penalised: (places, vocabulary) whether the penalty changed its score.
    """

    before: Tensor
    after: Tensor
    cut: Tensor
    is_penalised: Tensor


def view_completion(
    loaded: LoadedModel, prompt: Prompt, token_ids: Sequence[int], settings: GenerationSettings
) -> CompletionView:
    """Views a completion that this model wrote, or could have written.

    Args:
        loaded: The model with the adapter that wrote it, held by the caller.
        prompt: What it was written after.
        token_ids: The completion.
        settings: The sliders; not necessarily those that it was written with.
    """
    prompt_ids = PromptTokenizer(loaded.tokenizer)(prompt).ids
    notes = [_BEAMS] if settings.num_beams > 1 else [] if settings.do_sample else [_GREEDY]
    if not token_ids:
        return CompletionView((), settings, tuple(notes))
    texts = _Texts(loaded, prompt_ids)
    written = texts.of_completion(token_ids)
    logits = completion_logits(loaded, prompt_ids, token_ids)
    num_end_tokens = len(end_of_text_ids(loaded))
    tokens: list[TokenView] = []
    for part in _parts(len(token_ids)):
        steps = apply_sliders(logits[part], token_ids[: part.stop], settings, num_end_tokens=num_end_tokens)
        tokens += _views(steps, token_ids[part], written[part], texts)
    return CompletionView(tuple(tokens), settings, tuple(notes))


def completion_logits(loaded: LoadedModel, prompt_ids: Sequence[int], token_ids: Sequence[int]) -> Tensor:
    """(tokens, vocabulary) the model's scores at each token of a completion, by one forward pass."""
    import torch

    ids = torch.tensor([[*prompt_ids, *token_ids[:-1]]], device=loaded.device)
    model: Any = loaded.model
    with torch.inference_mode():
        output = model(
            input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, logits_to_keep=len(token_ids)
        )
    logits: Tensor = output.logits[0, -len(token_ids) :]
    return logits


def apply_sliders(
    logits: Tensor, written: Sequence[int], settings: GenerationSettings, *, num_end_tokens: int
) -> Steps:
    """Takes the scores of consecutive places through the generator's processors, in its order.

    Args:
        logits: (places, vocabulary) the model's scores, of the first place alone or of places after it.
        written: The completion up to the last place's own token.
        settings: The sliders.
        num_end_tokens: As ``logits_processors`` takes it.
    """
    import torch

    with torch.inference_mode():
        scores = logits.float()
        before = scores.softmax(dim=-1)
        if settings.num_beams > 1:  # beam search gives log-probabilities to its processors, which the penalty feels
            scores = scores.log_softmax(dim=-1)
        cut = torch.zeros(scores.shape, dtype=torch.uint8, device=scores.device)
        is_penalised = torch.zeros(scores.shape, dtype=torch.bool, device=scores.device)
        ids = _written_before(written, len(scores), scores.device)
        for processor in logits_processors(settings, prompt_length=0, seeds=(), num_end_tokens=num_end_tokens):
            if isinstance(processor, SeededGumbel):
                continue
            name = type(processor).__name__
            found: Tensor = processor(ids, scores)
            if name in _CUTS:
                cut[scores.isfinite() & ~found.isfinite()] = 1 + _KNOBS.index(_CUTS[name])
            elif name == "RepetitionPenaltyLogitsProcessor":
                is_penalised = found != scores
            scores = found
        if not settings.do_sample and settings.num_beams == 1:
            likeliest = scores.argmax(dim=-1, keepdim=True)
            cut = torch.full_like(cut, 1 + _KNOBS.index("temperature")).scatter(-1, likeliest, 0)
            scores = scores.masked_fill(cut > 0, -torch.inf)
        return Steps(before, scores.softmax(dim=-1), cut, is_penalised)


def _parts(length: int) -> Iterator[slice]:
    """The first place alone, since nothing is written before it, then many at once."""
    yield slice(0, 1)
    for start in range(1, length, _ROWS_AT_ONCE):
        yield slice(start, min(start + _ROWS_AT_ONCE, length))


def _written_before(written: Sequence[int], num_places: int, device: Any) -> Tensor:
    """(places, longest) the tokens before each place.

    Rows are filled up with a token that stands there already: a token is penalised once, however often it comes.
    """
    import torch

    first = len(written) - num_places
    rows = [[*written[: first + place], *[written[0]] * (num_places - 1 - place)] for place in range(num_places)]
    return torch.tensor(rows, dtype=torch.long, device=device)


def _views(
    steps: Steps, token_ids: Sequence[int], written: Sequence[str], texts: Callable[[int], str]
) -> Iterator[TokenView]:
    num = min(NUM_ALTERNATIVES, steps.before.shape[-1])
    best_before = steps.before.topk(num, dim=-1).indices.tolist()
    best_after = steps.after.topk(num, dim=-1).indices.tolist()
    entropies = [_entropy(values).tolist() for values in (steps.before, steps.after)]
    num_kept = (steps.cut == 0).sum(dim=-1).tolist()
    for place, (token_id, text) in enumerate(zip(token_ids, written, strict=True)):
        ids = list(dict.fromkeys((token_id, *best_before[place], *best_after[place])))
        seen = {one.token_id: one for one in _alternatives(steps, place, ids, texts)}
        own = seen[token_id]
        yield TokenView(
            Alternative(token_id, text, own.before, own.after, own.cut_by, own.is_penalised),
            1 + int((steps.before[place] > steps.before[place, token_id]).sum()),
            entropies[0][place],
            entropies[1][place],
            num_kept[place],
            tuple(seen[i] for i in best_before[place]),
            tuple(seen[i] for i in best_after[place] if seen[i].cut_by is None),
        )


def _alternatives(steps: Steps, place: int, ids: Sequence[int], texts: Callable[[int], str]) -> Iterator[Alternative]:
    columns = (values[place, ids].tolist() for values in (steps.before, steps.after, steps.cut, steps.is_penalised))
    for token_id, before, after, cut, is_penalised in zip(ids, *columns, strict=True):
        yield Alternative(token_id, texts(token_id), before, after, _KNOBS[cut - 1] if cut else None, is_penalised)


def _entropy(probabilities: Tensor) -> Tensor:
    """(places,) in bits; what cannot come adds nothing."""
    import torch

    entropy: Tensor = torch.special.entr(probabilities).sum(dim=-1)
    return entropy / math.log(2)


class _Texts:
    """The texts of tokens after one prompt; those of single ones are kept, as the same ones come at many places."""

    def __init__(self, loaded: LoadedModel, prompt_ids: Sequence[int]) -> None:
        self._tokenizer = loaded.tokenizer
        self._detokenizer = Detokenizer(loaded.tokenizer)
        self._start = self._detokenizer.start(prompt_ids)
        self._special = {*loaded.tokenizer.all_special_ids, *end_of_text_ids(loaded)}
        self._known: dict[int, str] = {}

    def __call__(self, token_id: int) -> str:
        """The text of a token as it stands within a line; a special one's name."""
        if token_id not in self._known:
            self._known[token_id] = self._find(token_id)
        return self._known[token_id]

    def of_completion(self, token_ids: Sequence[int]) -> list[str]:
        """What each token of a completion added to its text; a special one's name."""
        growing, texts = self._start, []
        for token_id in token_ids:
            if token_id in self._special:
                texts.append(self(token_id))
                continue
            before, growing = growing, self._detokenizer.extend(growing, token_id)
            texts.append(growing.text[len(before.text) :])
        return texts

    def _find(self, token_id: int) -> str:
        if token_id in self._special:
            return str(self._tokenizer.convert_ids_to_tokens(token_id))
        return self._detokenizer.extend(self._start, token_id).text or UNFINISHED
