"""A real workbench whose model is a script, for tests of the page and for looking at it without weights."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from recsys.background import Tell
from recsys.baselines.popularity import Popularity
from recsys.catalogue import Catalogue, Movie
from recsys.catalogue_recommend import recommend_from_catalogue
from recsys.errors import CancelledError, ModelBusyError, RecsysError
from recsys.generation.completion import Completion
from recsys.generation.hypotheses import RankedTitle
from recsys.generation.tokenization import TokenizedPrompt
from recsys.loaded_data import LoadedData
from recsys.models.host import HostState, ModelChoice
from recsys.prompts import Prompt, render_answer
from recsys.recommend import Recommendation, RecommendationRequest, stream_recommendation
from recsys.resolution.item_map import require_scikit_learn
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.settings import DecodingSettings, GenerationSettings
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.ui.scripted_tokens import PIECE, PieceTokenizer, WordTokenizer, scripted_model


class ScriptedHost:
    """A host that is ready, or loads for some seconds first."""

    def __init__(self, seconds_to_load: float = 0.0) -> None:
        self.choice = ModelChoice()
        self.seconds_to_load = seconds_to_load
        self.started = time.monotonic()
        self.tokens_per_second: float | None = None
        self.busy = False
        self.pieces = PieceTokenizer()

    @contextmanager
    def use(self, choice: ModelChoice, **_: Any) -> Iterator[Any]:
        yield scripted_model(self.pieces)

    def start_loading(self, choice: ModelChoice) -> None:
        if self.busy:
            raise ModelBusyError("an evaluation holds the model", mend="wait for it or cancel it")
        self.choice, self.started = choice, time.monotonic()

    def free_bytes(self) -> int:
        return 20_300_000_000

    def tokenizer(self) -> Any | None:
        return WordTokenizer() if self.state().phase == "ready" else None

    def forget_catalogues(self) -> None:
        """It keeps no decoders."""

    def state(self) -> HostState:
        elapsed = time.monotonic() - self.started
        if elapsed < self.seconds_to_load:
            share = elapsed / self.seconds_to_load
            return HostState("loading", self.choice, share, "reading the weights", None, 0, None, ())
        return HostState("ready", self.choice, 1.0, "ready", "bf16", 269_030_016, self.tokens_per_second, ())


class ScriptedGenerator:
    """Writes what a small model writes: real titles, slips, repeats and inventions, drawn by the seed."""

    def __init__(self, catalogue: Catalogue, seconds_per_token: float) -> None:
        self.seconds_per_token = seconds_per_token
        by_likes = sorted(catalogue, key=lambda movie: -catalogue.popularity.get(movie.item_id, 0))
        self.known = [movie.display() for movie in by_likes[:200]]
        self.text: str | None = None
        self.pieces = PieceTokenizer()
        self.error: Exception | None = None

    def stream(
        self, prompt: Prompt, settings: GenerationSettings, *, is_complete: Any = None, cancel: Any = None
    ) -> Iterator[str | Completion]:
        if self.error is not None:
            raise self.error
        text = self.text if self.text is not None else self.write(random.Random(settings.seed), prompt)
        started, shown = time.monotonic(), ""
        pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
        reason = "titles_complete" if len(pieces) <= settings.max_new_tokens else "max_new_tokens"
        for piece in pieces[: settings.max_new_tokens]:
            time.sleep(self.seconds_per_token)
            if cancel is not None and cancel.is_set():
                reason = "stopped"
                break
            shown += piece
            yield shown
        yield Completion(
            text=shown,
            prompt_text=prompt.text,
            prompt_tokens=len(prompt.text) // 4,
            completion_tokens=max(1, len(shown) // 4),
            seconds=max(time.monotonic() - started, 1e-3),
            finish_reason=reason,
            settings=settings,
            base_model="smollm2-135m",
            precision="bf16",
            without_effect=settings.without_effect(),
            token_ids=self.pieces.encode(shown),
        )

    def write(self, rng: random.Random, prompt: Prompt) -> str:
        titles = [rng.choice(self.known) for _ in range(prompt.num_recommendations)]
        slips = ["Princess Monoke (1997)", "The Quantum Gardener (2011)", titles[0], "Star Wars (2025)"]
        for place, slip in zip(range(1, len(titles)), slips, strict=False):
            titles[place] = slip
        return "".join(f" {title};" for title in titles)


class ScriptedDecoder:
    """Answers with the best-known movies that are open, as catalogue decoding would with a model of few ideas."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.loaded = SimpleNamespace(spec=SimpleNamespace(name="smollm2-135m"), precision="bf16", adapter=None)
        self.trie = SimpleNamespace(unreachable=())
        self.by_likes = sorted(
            catalogue, key=lambda movie: (-catalogue.popularity.get(movie.item_id, 0), movie.item_id)
        )

    def tokenize(self, prompt: Prompt) -> TokenizedPrompt:
        return TokenizedPrompt(prompt, prompt.text, tuple(range(len(prompt.text) // 4)))

    def list_titles(
        self, prompts: Any, settings: GenerationSettings, *, excluded: Any, allowed: Any, **_: Any
    ) -> list[Completion]:
        return [
            Completion(
                text=render_answer(self._open(settings.num_recommendations, out, allowed), prompt.settings),
                prompt_text=prompt.text,
                prompt_tokens=len(prompt.text) // 4,
                completion_tokens=20,
                seconds=0.4,
                finish_reason="titles_complete",
                settings=settings,
                base_model="smollm2-135m",
                precision="bf16",
                without_effect=DecodingSettings("catalogue_list").without_effect(settings),
            )
            for prompt, out in zip(prompts, excluded, strict=True)
        ]

    def rank_titles(
        self, prompts: Any, *, n: int, excluded: Any, allowed: Any, **_: Any
    ) -> list[tuple[RankedTitle, ...]]:
        return [tuple(self._ranked(movie) for movie in self._open(n, out, allowed)) for out in excluded]

    def score_each(self, prompts: Any, item_ids: Any, **_: Any) -> list[Any]:
        """Short titles are likely."""
        import numpy as np

        return [np.array([-len(self.catalogue[item].title) / 10 for item in items]) for items in item_ids]

    def num_tokens(self, item_ids: Any) -> int:
        return 5 * len(item_ids)

    def _open(self, n: int, excluded: Any, allowed: Any) -> list[Movie]:
        movies = [m for m in self.by_likes if m.item_id not in excluded and (allowed is None or m.item_id in allowed)]
        return movies[:n]

    def _ranked(self, movie: Movie) -> RankedTitle:
        texts = (*(f" {word}" for word in movie.title.split()), ";")
        choices = (2567, *(1 for _ in texts[1:]))
        scores = (-3.5, *(0.0 for _ in texts[1:]))
        return RankedTitle(movie.item_id, (movie.item_id,), -3.5, tuple(range(len(texts))), scores, choices, texts)


class FakeWorkbench(Workbench):
    """The real catalogue, records, search, parsing and resolution around a scripted model."""

    def __init__(self, *, seconds_per_token: float = 0.0, seconds_to_load: float = 0.0, **options: Any) -> None:
        super().__init__(WorkbenchOptions(**options))
        self.host = ScriptedHost(seconds_to_load)  # type: ignore[assignment]
        self.seconds_per_token = seconds_per_token
        self.generator = ScriptedGenerator(self.catalogue, seconds_per_token)
        self.generator.pieces = self.host.pieces
        self.model_lock = threading.Lock()

    def stream(
        self, request: RecommendationRequest, *, data: LoadedData | None = None, cancel: threading.Event | None = None
    ) -> Iterator[str | Recommendation]:
        data = data or self.data
        self.check(request, data)
        with self.model_lock:
            while self.host.state().phase == "loading" and not (cancel and cancel.is_set()):
                time.sleep(0.05)
            if request.decoding.is_catalogue:
                resolver = LevenshteinResolver(data.catalogue)
                decoder: Any = ScriptedDecoder(data.catalogue)
                examples = self.examples(request.prompt, data)
                classic = Popularity.fit(data.split.likes_of("train")) if request.decoding.is_hybrid else None
                yield from recommend_from_catalogue(
                    [request], decoder, data.catalogue, resolver, classic=classic, examples=examples
                )
                return
            for part in stream_recommendation(
                request,
                self.generator,  # type: ignore[arg-type]
                data.catalogue,
                LevenshteinResolver(data.catalogue),
                examples=self.examples(request.prompt, data),
                cancel=cancel,
            ):
                if isinstance(part, Recommendation):
                    self.host.tokens_per_second = part.completion.tokens_per_second  # type: ignore[attr-defined]
                yield part

    def start_map(self, choice: ModelChoice) -> None:
        """The real refusals, then a map that is never done."""

        def wait(tell: Tell, cancel: threading.Event) -> str:
            tell(0.4, "Embedded 40 of 100 titles")
            cancel.wait(60)
            raise CancelledError("the map was stopped; the embedded titles are kept")

        if self.options.public:
            super().start_map(choice)
        require_scikit_learn()
        self.map_task.start(wait)


__all__ = ["FakeWorkbench", "RecsysError", "ScriptedGenerator", "ScriptedHost"]
