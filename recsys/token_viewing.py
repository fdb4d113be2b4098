"""The tokens of an answer that was given, seen through any sliders: with the model that wrote it, if it is still here.

Nothing is kept of a model's scores: one pass over prompt and completion gives them again, in milliseconds for a small
model, where the scores of one answer would take megabytes for each browser.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from recsys.errors import ModelUnavailableError, SettingsError
from recsys.generation.token_view import CompletionView, view_completion
from recsys.models.host import ModelHost
from recsys.models.out_of_memory import memory_told
from recsys.models.zerogpu import gpu_task
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.remote.settings import is_served
from recsys.settings import GenerationSettings


class TokenViewer:
    """Views answers with the model in memory; never loads another one for it.

    Args:
        host: Lends the model.
    """

    def __init__(self, host: ModelHost) -> None:
        self._host = host

    def __call__(self, answer: Recommendation, settings: GenerationSettings | None = None) -> CompletionView:
        """Every token of a free text, with what it was chosen among.

        Args:
            answer: What was answered.
            settings: The sliders to look through; None takes those that it was written with.

        Raises:
            SettingsError: for an answer that has no tokens of its own here.
            ModelUnavailableError: when another model is in memory now, or memory ran out.
        """
        require_free_text(answer.request)
        choice, state = answer.request.choice, self._host.state()
        if state.phase != "ready" or state.choice is None or state.choice.base != choice.base:
            # Loading it again for a look would take the model away from whoever chose the other one.
            raise ModelUnavailableError(
                f"{answer.completion.base_model} wrote this, and it is not in memory now",
                mend="ask again to see tokens",
            )
        return self._view(answer, settings or answer.completion.settings)

    @cached_property
    def _view(self) -> Callable[[Recommendation, GenerationSettings], CompletionView]:
        return gpu_task(self._view_here)

    def _view_here(self, answer: Recommendation, settings: GenerationSettings) -> CompletionView:
        with self._host.use(answer.request.choice) as loaded, memory_told(1):
            return view_completion(loaded, answer.prompt, answer.completion.token_ids, settings)


def require_free_text(request: RecommendationRequest) -> None:
    """Refuses requests whose answer is no free text of a model of this machine.

    Raises:
        SettingsError: with what it is instead.
    """
    if is_served(request.choice.model):
        raise SettingsError(
            "a server gives text alone, without the chances of its tokens", mend="choose a model that is loaded here"
        )
    if request.decoding.is_catalogue:
        raise SettingsError(
            "tokens are shown of free text; with catalogue decoding the catalogue decides most of them",
            mend="switch catalogue decoding off, or choose Ranking, which shows each title's tokens",
        )
