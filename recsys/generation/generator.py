"""Writes completions with a transformers model: greedy, sampled, or with beams.

Reads prompts, not histories, and returns text, not titles. It does not guard the model against other
threads: whoever lends the model (models.host) does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from recsys.errors import SettingsError
from recsys.generation.completion import Completion, IsComplete
from recsys.generation.detokenization import Detokenizer
from recsys.generation.model_facts import context_length, end_of_text_ids
from recsys.generation.sampling import generation_config, logits_processors, without_own_generation_config
from recsys.generation.seeds import derive_seed
from recsys.generation.stopping import BeamWatcher, Limits, Row, RowWatcher
from recsys.generation.streaming import stream_from_thread
from recsys.generation.tokenization import PromptTokenizer, TokenizedPrompt, pad_left, require_room
from recsys.prompts import Prompt
from recsys.settings import GenerationSettings

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel


class TransformersGenerator:
    """Completes prompts with a loaded model; cheap to make, one for each request.

    Args:
        loaded: The model, which the caller holds for as long as it generates.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._tokenize = PromptTokenizer(loaded.tokenizer)
        self._detokenizer = Detokenizer(loaded.tokenizer)
        self._end_ids = end_of_text_ids(loaded)

    def generate(
        self,
        prompts: Sequence[Prompt],
        settings: GenerationSettings,
        *,
        seeds: Sequence[int] | None = None,
        is_complete: IsComplete | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        """Completes a batch of prompts.

        Args:
            prompts: Any number, of any lengths.
            settings: The same for all.
            seeds: One for each prompt; ``settings.seed`` for each without them.
            is_complete: Told the text so far and its prompt; true ends that row.
            cancel: Set from another thread to stop: what was written by then is returned as "stopped".

        Returns:
            One completion for each prompt, in order. A row's text depends on its prompt, settings and
            seed alone, up to the last bits of floating-point sums over a padded batch.

        Raises:
            SettingsError: when the seeds are not as many as the prompts, or max_new_tokens exceeds the
                model's context.
            HistoryError: when a prompt is too long for the model's context.
        """
        return self._complete(prompts, settings, seeds, is_complete, _asks(cancel))

    def stream(
        self,
        prompt: Prompt,
        settings: GenerationSettings,
        *,
        is_complete: IsComplete | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[str | Completion]:
        """Yields the text so far while it grows, then the Completion, last; with beams only the latter.

        The text is the one that ``generate`` gives for the same seed. Closing the iterator stops the
        model before it returns.

        Raises:
            SettingsError, HistoryError: as ``generate``, at the first step.
        """

        def work(on_text: Callable[[str], None], should_stop: Callable[[], bool]) -> Completion:
            return self._complete([prompt], settings, None, is_complete, should_stop, on_text)[0]

        return stream_from_thread(work, cancel)

    def _complete(
        self,
        prompts: Sequence[Prompt],
        settings: GenerationSettings,
        seeds: Sequence[int] | None,
        is_complete: IsComplete | None,
        should_stop: Callable[[], bool],
        on_text: Callable[[str], None] | None = None,
    ) -> list[Completion]:
        seeds = [settings.seed] * len(prompts) if seeds is None else list(seeds)
        if len(seeds) != len(prompts):
            raise SettingsError("each prompt needs one seed", seen=f"{len(seeds)} seeds for {len(prompts)} prompts")
        tokenized = [self._tokenize(prompt) for prompt in prompts]
        require_room(tokenized, settings.max_new_tokens, context_length(self._loaded.model))
        limits = Limits(self._end_ids, is_complete, should_stop, on_text)
        # Draws within beams come from torch's global generator: only record by record are they the record's own.
        alone = settings.do_sample and settings.num_beams > 1
        width = 1 if alone else max(1, len(prompts))
        completions: list[Completion] = []
        for start in range(0, len(prompts), width):
            part = slice(start, start + width)
            completions += self._complete_batch(tokenized[part], settings, seeds[part], limits)
        return completions

    def _complete_batch(
        self, tokenized: Sequence[TokenizedPrompt], settings: GenerationSettings, seeds: Sequence[int], limits: Limits
    ) -> list[Completion]:
        start = time.perf_counter()
        if limits.should_stop():
            rows = [Row(one, self._detokenizer.start(one.ids), finish_reason="stopped") for one in tokenized]
        else:
            rows = self._write(tokenized, settings, seeds, limits)
        seconds = time.perf_counter() - start
        return [self._completion(row, settings, seed, seconds) for row, seed in zip(rows, seeds, strict=True)]

    def _write(
        self, tokenized: Sequence[TokenizedPrompt], settings: GenerationSettings, seeds: Sequence[int], limits: Limits
    ) -> list[Row]:
        import torch

        model = self._loaded.model
        pad = self._pad_token_id()
        input_ids, attention_mask = pad_left([one.ids for one in tokenized], pad, self._loaded.device)
        width = input_ids.shape[1]
        watcher = (RowWatcher if settings.num_beams == 1 else BeamWatcher)(tokenized, self._detokenizer, limits)
        own_random_state = settings.do_sample and settings.num_beams > 1
        # Of the prompt as well: one seed would else draw the same first title whatever a person liked.
        seeds = [derive_seed(seed, one.text) for seed, one in zip(seeds, tokenized, strict=True)]
        with (
            torch.inference_mode(),
            without_own_generation_config(model),
            _seeded(seeds[0], self._loaded.device) if own_random_state else nullcontext(),
        ):
            output = model.generate(
                input_ids=input_ids,
                attention_mask=attention_mask,
                generation_config=generation_config(settings, end_ids=sorted(self._end_ids), pad_token_id=pad),
                logits_processor=logits_processors(
                    settings, prompt_length=width, seeds=seeds, num_end_tokens=len(self._end_ids)
                ),
                stopping_criteria=[watcher],
            )
        if isinstance(watcher, RowWatcher):
            return watcher.rows
        lengths = (output.beam_indices >= 0).sum(dim=1).tolist()
        written = output.sequences[:, width:].tolist()
        return [watcher.best_row(i, ids[:length]) for i, (ids, length) in enumerate(zip(written, lengths, strict=True))]

    def _completion(self, row: Row, settings: GenerationSettings, seed: int, seconds: float) -> Completion:
        return Completion(
            text=self._detokenizer.finish(row.growing),
            prompt_text=row.tokenized.text,
            prompt_tokens=len(row.tokenized.ids),
            completion_tokens=len(row.token_ids),
            seconds=seconds,
            finish_reason=row.finish_reason or "max_new_tokens",
            settings=settings.replace(seed=seed),
            base_model=self._loaded.spec.name,
            precision=self._loaded.precision,
            adapter=self._loaded.adapter,
            without_effect=settings.without_effect(),
            token_ids=tuple(row.token_ids),
        )

    def _pad_token_id(self) -> int:
        """Any token serves: padded places are masked before the text and never read after it."""
        pad = self._loaded.tokenizer.pad_token_id
        return int(pad) if pad is not None else min(self._end_ids, default=0)


def _asks(cancel: threading.Event | None) -> Callable[[], bool]:
    return cancel.is_set if cancel is not None else lambda: False


@contextmanager
def _seeded(seed: int, device_name: str) -> Iterator[None]:
    """The global generators of torch seeded for the block and put back afterwards."""
    import torch

    device = torch.device(device_name)
    others = [] if device.type == "cpu" else [device.index or 0]
    with torch.random.fork_rng(devices=others, device_type="cuda" if device.type == "cpu" else device.type):
        torch.manual_seed(seed)
        yield
