"""What each kind of server takes of the generation settings, and the words of a request that say them.

Only transformers serve was run here; the others' parameters are read from their documentation (docs/remote.md).
Every setting that acts is sent, since servers have defaults of their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from recsys.settings import GenerationSettings

Body = dict[str, Any]
RealKind = Literal["vllm", "llama.cpp", "tgi", "transformers", "other"]

_NO_BEAMS = "A streamed answer is written by one hypothesis alone, so no beams are asked for."
_PENALTY_OF_PROMPT = "The server's repetition penalty counts the tokens of the prompt too."


@dataclass(frozen=True)
class ServerKind:
    """One kind of server.

    Attributes:
        name: As ``--server-kind`` says it.
        title: As people call it.
        words: The parameters beyond OpenAI's for some settings.
        idle: Settings that it does not take, each with the reason in one sentence.
        has_beams: Whether it searches with beams where the answer is not streamed.
        penalty_note: What the reader should know of its repetition penalty.
        names_adapters: Whether it lists its adapters, so that a name that it does not list is wrong.
        draws_alone: Whether a seed holds whatever else the server computes at that moment.
    """

    name: RealKind
    title: str
    words: Callable[[GenerationSettings], Body]
    idle: dict[str, str] = field(default_factory=lambda: {"num_beams": _NO_BEAMS})
    has_beams: bool = False
    penalty_note: str = ""
    names_adapters: bool = True
    draws_alone: bool = True

    def body(self, settings: GenerationSettings, seed: int) -> Body:
        """The settings as parameters of a request, without its model and prompt."""
        body: Body = {"max_tokens": settings.max_new_tokens, "temperature": settings.temperature, "seed": seed}
        if settings.do_sample and settings.top_p < 1:
            body["top_p"] = settings.top_p
        body["stream"] = not self.is_whole(settings)
        return body | self.words(settings)

    def is_whole(self, settings: GenerationSettings) -> bool:
        """Whether the answer comes in one piece, because beams cannot be streamed."""
        return self.has_beams and settings.num_beams > 1

    def without_effect(self, settings: GenerationSettings) -> dict[str, str]:
        """The settings that change nothing, each with the reason."""
        return settings.without_effect() | self.idle

    def notes(self, settings: GenerationSettings) -> tuple[str, ...]:
        """What the reader of an answer should know of how the settings were taken."""
        penalised = settings.repetition_penalty > 1 and "repetition_penalty" not in self.idle
        return (self.penalty_note,) if penalised and self.penalty_note else ()


def _of_vllm(settings: GenerationSettings) -> Body:
    return {
        "top_k": settings.top_k or -1,
        "min_p": 0.0,
        "repetition_penalty": settings.repetition_penalty,
        # With every piece, so that the count is known when the stream is closed after the last title.
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
    }


def _of_llama_cpp(settings: GenerationSettings) -> Body:
    return {
        "top_k": settings.top_k,
        "min_p": 0.0,
        "repeat_penalty": settings.repetition_penalty,
        "timings_per_token": True,
        "stream_options": {"include_usage": True},
    }


def _of_transformers(settings: GenerationSettings) -> Body:
    """It takes nothing beyond OpenAI's parameters but a whole generation configuration, as text."""
    config: Body = {
        "do_sample": settings.do_sample,  # a temperature alone would leave it greedy
        "num_beams": settings.num_beams,
        "repetition_penalty": settings.repetition_penalty,
        "max_new_tokens": settings.max_new_tokens,
    }
    if settings.do_sample:
        config |= {"temperature": settings.temperature, "top_k": settings.top_k, "top_p": settings.top_p}
    return {"generation_config": json.dumps(config)}


def _nothing(_: GenerationSettings) -> Body:
    return {}


def _without(title: str) -> dict[str, str]:
    return {
        "top_k": f"{title} takes no top-k.",
        "repetition_penalty": f"{title} takes no repetition penalty.",
        "num_beams": _NO_BEAMS,
    }


KINDS: Final[dict[RealKind, ServerKind]] = {
    kind.name: kind
    for kind in (
        ServerKind("vllm", "vLLM", _of_vllm, penalty_note=_PENALTY_OF_PROMPT),
        ServerKind("llama.cpp", "llama.cpp", _of_llama_cpp, penalty_note=_PENALTY_OF_PROMPT),
        ServerKind(
            "tgi",
            "text-generation-inference",
            _nothing,
            idle=_without("Text-generation-inference's completion interface"),
            names_adapters=False,
        ),
        ServerKind(
            "transformers",
            "transformers serve",
            _of_transformers,
            idle={},
            has_beams=True,
            penalty_note=_PENALTY_OF_PROMPT,
            draws_alone=False,
        ),
        ServerKind("other", "the server", _nothing, idle=_without("OpenAI's interface")),
    )
}
