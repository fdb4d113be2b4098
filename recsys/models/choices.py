"""What may be chosen to answer, and what follows from a choice: its base model, its adapters, its prompt.

The page, the command line and the API ask here, so that one choice means the same everywhere. Nothing is
loaded: names, notes and the registry say all that is needed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from recsys.errors import SettingsError
from recsys.models.adapter_adding import AddedAdapter, add_archive, add_from_hub
from recsys.models.adapter_listing import AdapterInfo, find_adapter, list_adapters
from recsys.models.host import ModelChoice
from recsys.models.registry import DEFAULT_MODEL, ModelSpec, find_model, list_models
from recsys.models.served import ServedListing
from recsys.prompt_ids import prompt_id, read_prompt_id
from recsys.remote.server import CompletionServer
from recsys.remote.settings import is_served
from recsys.settings import INT8_THRESHOLD, Precision, PromptSettings, PromptStyle

_NOT_NAMED = {"history": ("num_examples", "queue_symbol")}
"""Settings that the id of a prompt does not name, so that an adapter asks for no value of them."""


@dataclass(frozen=True)
class PromptRule:
    """The prompts that a choice of model and adapter reads.

    Attributes:
        default: The prompt where nobody asks for another.
        styles: The styles that may be asked for.
        fixed: Settings that may not differ from the default.
        reason: Why, as one sentence; empty where every prompt is read.
    """

    default: PromptSettings = field(default_factory=PromptSettings)
    styles: tuple[PromptStyle, ...] = get_args(PromptStyle)
    fixed: frozenset[str] = frozenset()
    reason: str = ""

    def accepts(self, prompt: PromptSettings) -> bool:
        """Whether a request with this prompt is answered."""
        differs = any(getattr(prompt, name) != getattr(self.default, name) for name in self.fixed)
        return prompt.style in self.styles and not differs


class ModelChoices:
    """The models and adapters of one process, and what each choice of them means.

    Args:
        public: Offer only what visitors may load.
        adapters_folder: Where adapters are; None takes the repository's.
        default_model: What is taken where neither a model nor an adapter is named; a server's opening model where
            there is a server.
        server: A server whose models may be asked beside those that are loaded here.
    """

    def __init__(
        self,
        *,
        public: bool = False,
        adapters_folder: Path | None = None,
        default_model: str = DEFAULT_MODEL,
        server: CompletionServer | None = None,
    ) -> None:
        self._default_model = default_model
        self._public = public
        self._adapters_folder = adapters_folder
        self.served = ServedListing(server, list_models(public=public))

    def models(self) -> tuple[ModelSpec, ...]:
        """The models that may be asked here, those of a server first."""
        return (*self.served.models(), *list_models(public=self._public))

    def adapters(self) -> tuple[AdapterInfo, ...]:
        """The adapters that were found, broken ones too, and the LoRAs of a server."""
        local = list_adapters(self._adapters_folder)
        return (*local, *self.served.adapters(local))

    def adapters_for(self, model: str) -> tuple[AdapterInfo, ...]:
        """The usable adapters that were made for a model, and those that tell no base; of a server's its own alone."""
        if is_served(model):
            return tuple(info for info in self.adapters() if info.base_model == model)
        spec = self._find_listed(model)
        # A typed Hub id may carry a revision, which no adapter names.
        names = {"", model, model.partition("@")[0]} | ({spec.name, spec.location} if spec else set())
        return tuple(
            info for info in self.adapters() if info.is_usable and (info.taken_for or info.base_model) in names
        )

    def add_adapter(self, source: Path | str, *, base_model: str | None = None) -> AddedAdapter:
        """Takes in an adapter, which is listed from then on.

        Args:
            source: A zip, or an id of the Hub as text.
            base_model: The model that it is for, where it names none that is listed.

        Raises:
            SettingsError: on a public page.
            RecsysError: as adapter_adding.add_archive and add_from_hub.
        """
        if self._public:
            raise SettingsError("a public page takes in no adapters", mend="run your own copy to add some")
        if isinstance(source, Path):
            return add_archive(source, self._adapters_folder, base_model=base_model)
        return add_from_hub(source, self._adapters_folder, base_model=base_model)

    def find(
        self,
        model: str | None = None,
        precision: Precision = "auto",
        adapter: str | None = None,
        *,
        int8_threshold: float = INT8_THRESHOLD,
    ) -> ModelChoice:
        """The whole choice: without a model, the one that the adapter was made for, where it is listed.

        Raises:
            AdapterError: when there is no such adapter to tell the model.
            ServerError: when the model would be a server's, and it tells none.
            SettingsError: for a threshold out of range.
        """
        if model is None and adapter and (parent := self.served.parent_of(adapter)) is not None:
            return ModelChoice(parent, precision, adapter)
        if model is None and self.served.server is not None and not adapter:
            model = self.served.server.opening_name()
        if model is None and adapter:
            info = find_adapter(adapter, self._adapters_folder)
            spec = self._find_listed(info.taken_for or info.base_model)
            model = spec.name if spec else info.taken_for or DEFAULT_MODEL
        return ModelChoice(model or self._default_model, precision, adapter, int8_threshold)

    def prompt_rule(self, choice: ModelChoice) -> PromptRule:
        """The prompts that the choice reads.

        Raises:
            AdapterError: when there is no such adapter.
            SettingsError: when the adapter was trained with a prompt that this version cannot write.
        """
        info = self._find_adapter(choice)
        if info is not None and info.prompt_id is not None:
            return _rule_of_adapter(info, read_prompt_id(info.prompt_id))
        spec = self._find_listed(choice.model)
        if spec is None or not spec.prompt_styles:
            return PromptRule()
        fixed = frozenset({"style"}) if len(spec.prompt_styles) == 1 else frozenset[str]()
        return PromptRule(PromptSettings(style=spec.prompt_styles[0]), spec.prompt_styles, fixed, spec.prompt_reason)

    def default_prompt(self, choice: ModelChoice) -> PromptSettings:
        """The adapter's own prompt if it tells one, else the model's first style if it reads only some, else ours.

        Raises:
            AdapterError: when there is no such adapter.
            SettingsError: when the adapter was trained with a prompt that this version cannot write.
        """
        return self.prompt_rule(choice).default

    def prompt_after(self, rule: PromptRule, current: PromptSettings) -> PromptSettings:
        """The prompt once somebody has chosen: their own where they set one that is read, else the choice's.

        A prompt that comes with some choice was not set by hand: it goes with that choice.
        """
        if rule.accepts(current) and prompt_id(current) not in self._prompts_of_choices():
            return current
        return rule.default.replace(num_examples=current.num_examples)

    def _prompts_of_choices(self) -> set[str]:
        of_adapters = {info.prompt_id for info in self.adapters() if info.is_usable and info.prompt_id}
        first_styles = [spec.prompt_styles[0] for spec in self.models() if spec.prompt_styles]
        of_models = {prompt_id(PromptSettings(style=style)) for style in first_styles}
        return {prompt_id(PromptSettings()), *of_adapters, *of_models}

    def require_prompt(self, choice: ModelChoice, prompt: PromptSettings) -> None:
        """Refuses a prompt that the model does not read or that the adapter was not trained with.

        Raises:
            UnknownModelError: for a model that visitors may not load, where the page is public.
            SettingsError: naming the style.
            AdapterError: naming both prompts, or when there is no such adapter.
        """
        if self._public and not is_served(choice.model):
            find_model(choice.model, public=True)
        spec = self._find_listed(choice.model)
        if spec is not None:
            spec.require_prompt(prompt)
        info = self._find_adapter(choice)
        if info is not None:
            info.require_prompt(prompt)

    def _find_adapter(self, choice: ModelChoice) -> AdapterInfo | None:
        """The adapter of a choice; None where it has none, or a server's, of which nothing is known."""
        if choice.adapter is None:
            return None
        if not is_served(choice.model):
            return find_adapter(choice.adapter, self._adapters_folder)
        return next((info for info in self.adapters_for(choice.model) if info.name == choice.adapter), None)

    def _find_listed(self, name: str) -> ModelSpec | None:
        if is_served(name):
            return self.served.find(name)
        listed = self.models()
        by_name = (spec for spec in listed if spec.name == name)
        return next(by_name, None) or next((spec for spec in listed if spec.location == name), None)


def _rule_of_adapter(info: AdapterInfo, prompt: PromptSettings) -> PromptRule:
    free = _NOT_NAMED.get(prompt.style, ("num_examples",))
    fixed = frozenset(entry.name for entry in dataclasses.fields(prompt) if entry.name not in free)
    return PromptRule(prompt, (prompt.style,), fixed, f"{info.title or info.name} was trained with this prompt.")
