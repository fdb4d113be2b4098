"""Everything of a request but the movies, as the page's controls make it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from recsys.models.host import ModelChoice
from recsys.recommend import RecommendationRequest
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings

if TYPE_CHECKING:
    from recsys.presets import Preset


@dataclass(frozen=True)
class RequestSettings:
    """Everything of a request but the movies."""

    generation: GenerationSettings
    prompt: PromptSettings
    resolution: ResolutionSettings
    choice: ModelChoice
    decoding: DecodingSettings = field(default_factory=DecodingSettings)

    @classmethod
    def of(cls, asked: RecommendationRequest | Preset) -> RequestSettings:
        """The settings of a request or of a preset."""
        return cls(asked.generation, asked.prompt, asked.resolution, asked.choice, asked.decoding)

    def over(self, asked: RecommendationRequest) -> RecommendationRequest:
        """The same question asked with these settings."""
        return replace(
            asked,
            generation=self.generation,
            prompt=self.prompt,
            resolution=self.resolution,
            choice=self.choice,
            decoding=self.decoding,
        )
