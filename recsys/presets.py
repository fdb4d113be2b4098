"""Named settings: those that come with the package, and a person's own as JSON that is read strictly.

A preset says how a question is asked, not what. It knows neither a page nor a command line: both bring the
present settings and take the preset's in their place. One that comes from outside is text until it was checked here.
"""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from recsys.errors import SettingsError
from recsys.models.model_choice import ModelChoice
from recsys.settings import (
    DecodingSettings,
    GenerationSettings,
    Precision,
    PromptSettings,
    ResolutionSettings,
    Settings,
    require_choice,
)

FORMAT: Final = "recsys-preset"
VERSION: Final = 1
"""Raise it when a preset of before would be read as something else."""
MAX_NAME: Final = 40
"""Characters of a name."""
MAX_TEXT: Final = 20_000
"""Characters of a preset's JSON; a whole one has about 1,000."""
GROUPS: Final = ("choice", "generation", "prompt", "resolution", "decoding")
KEEPABLE: Final = ("choice", "prompt", "num_recommendations", "seed")
"""What a preset may leave as it is: whole groups, or settings of the generator."""
_MAX_WORD: Final = 200
_KINDS: Final[dict[str, type[Settings]]] = {
    "generation": GenerationSettings,
    "prompt": PromptSettings,
    "resolution": ResolutionSettings,
    "decoding": DecodingSettings,
}


def read_name(name: object) -> str:
    """The name of a preset, without blanks around it.

    Raises:
        SettingsError: for one that is empty, too long or not printable.
    """
    mend = f"give 1 to {MAX_NAME} letters, digits, signs or spaces"
    if not isinstance(name, str):
        raise SettingsError("the preset's name is not a text", seen=name, mend=mend)
    cleaned = unicodedata.normalize("NFC", name[: 4 * MAX_NAME]).strip()
    if not cleaned:
        raise SettingsError("the preset has no name", seen=name[:MAX_NAME], mend=mend)
    if len(cleaned) > MAX_NAME or len(name) > 4 * MAX_NAME:
        raise SettingsError("the preset's name is too long", seen=f"{len(name)} characters", mend=mend)
    if not cleaned.isprintable():
        raise SettingsError("the preset's name has characters that cannot be shown", seen=cleaned, mend=mend)
    return cleaned


@dataclass(frozen=True)
class Preset:
    """All settings of a request under a name.

    Attributes:
        name: 1 to MAX_NAME printable characters.
        generation: The sliders.
        resolution: How titles become items.
        decoding: Free text, or only what the catalogue holds.
        prompt: The prompt's format.
        choice: Base model, precision and adapter.
        keeps: Of KEEPABLE, what stays as it is when the preset is taken; its value here counts for nothing.
        about: Why one would take it, in a line.

    Raises:
        SettingsError: for a name or a part that cannot be.
    """

    name: str
    generation: GenerationSettings = field(default_factory=GenerationSettings)
    resolution: ResolutionSettings = field(default_factory=ResolutionSettings)
    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    choice: ModelChoice = field(default_factory=ModelChoice)
    keeps: tuple[str, ...] = ()
    about: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", read_name(self.name))
        for part in self.keeps:
            require_choice("keeps", part, KEEPABLE)

    def generation_over(self, present: GenerationSettings) -> GenerationSettings:
        """The sliders, with those that the preset leaves alone as they are."""
        return self.generation.replace(
            **{name: getattr(present, name) for name in ("num_recommendations", "seed") if name in self.keeps}
        )

    def holds_for(
        self, generation: GenerationSettings, resolution: ResolutionSettings, decoding: DecodingSettings
    ) -> bool:
        """Whether these are the preset's, whatever the model and the prompt."""
        mine = (self.generation_over(generation), self.resolution, self.decoding)
        return mine == (generation, resolution, decoding)

    def to_dict(self) -> dict[str, Any]:
        """The preset as plain JSON values."""
        parts = {name: dataclasses.asdict(getattr(self, name)) for name in GROUPS}
        parts["decoding"]["genres"] = list(self.decoding.genres)  # JSON has lists only
        plain = {"format": FORMAT, "version": VERSION, "name": self.name, **parts}
        return plain | ({"keeps": list(self.keeps)} if self.keeps else {})


SHIPPED: Final = (
    Preset("Default", keeps=KEEPABLE, about="Some chance among likely tokens: another seed, another list."),
    Preset(
        "Greedy",
        GenerationSettings(temperature=0),
        keeps=KEEPABLE,
        about="The likeliest token, whatever the seed: gptj-mini's lists have a MAP@4 of 0.0322, by Default 0.0226.",
    ),
    Preset(
        "Beam search",
        GenerationSettings(temperature=0, num_beams=4),
        keeps=KEEPABLE,
        about="Four lists side by side, the likeliest wins. In seven comparisons no better than Greedy (docs/LOG.md).",
    ),
    Preset(
        "Story",
        GenerationSettings(temperature=0.1, top_p=0.75, top_k=40, num_beams=4, max_new_tokens=128),
        keeps=KEEPABLE,
        about="The sliders of alpaca-lora's generate.py, whose recipe the story's training is; it states none itself.",
    ),
    Preset(
        "Adventurous",
        GenerationSettings(temperature=1.2, top_p=0.95, top_k=0),
        keeps=KEEPABLE,
        about="A temperature above 1 and no top-k: titles that the model itself finds unlikely.",
    ),
    Preset(
        "Catalogue ranking",
        GenerationSettings(temperature=0, num_beams=8),
        decoding=DecodingSettings("catalogue_rank"),
        keeps=KEEPABLE,
        about="No text, but the likeliest real movies: what each shipped model alone scores best with (README).",
    ),
)
"""The presets that come with the package. They leave the model, its prompt, N and the seed as they are."""


def shipped_name(
    generation: GenerationSettings, resolution: ResolutionSettings, decoding: DecodingSettings
) -> str | None:
    """The shipped preset that these settings are, or None."""
    return next((preset.name for preset in SHIPPED if preset.holds_for(generation, resolution, decoding)), None)


def find_preset(name_or_file: str) -> Preset:
    """A shipped preset by its name, in any case and with hyphens for spaces, or one that was exported to a file.

    Raises:
        SettingsError: when there is neither, or the file cannot be read as a preset.
    """
    wanted = name_or_file.strip().casefold().replace("-", " ")
    for preset in SHIPPED:
        if preset.name.casefold() == wanted:
            return preset
    path = Path(name_or_file)
    try:
        with path.open("rb") as file:
            raw = file.read(4 * MAX_TEXT + 1)
    except (OSError, ValueError):  # a name with a zero byte is no path
        names = ", ".join(preset.name for preset in SHIPPED)
        mend = f"take one of {names}, or a file that was exported"
        raise SettingsError("there is no such preset or file", seen=name_or_file, mend=mend) from None
    try:
        return read_preset(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        mend = "take a file that was exported here"
        raise SettingsError("the preset is not text in UTF-8", seen=name_or_file, mend=mend) from None


def write_preset(preset: Preset) -> str:
    """The preset as JSON, as `read_preset` reads it."""
    return json.dumps(preset.to_dict(), ensure_ascii=False, indent=2) + "\n"


def read_preset(text: str) -> Preset:
    """The preset of its JSON. A setting that is left out is as by default: an older preset does not know it.

    Raises:
        SettingsError: for whatever is not a preset, has an unknown setting or a value out of range.
    """
    if len(text) > MAX_TEXT:
        mend = f"a preset has at most {MAX_TEXT:,} characters"
        raise SettingsError("the preset is too long", seen=f"{len(text):,} characters", mend=mend)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        mend = "take what Export wrote, whole"
        raise SettingsError("the preset is not JSON", seen=text[:80], mend=mend) from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise SettingsError("this is not a preset", seen=text[:80], mend=f'it has "format": "{FORMAT}"')
    version = values.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        mend = f"versions up to {VERSION} are read here: update, or save it anew"
        raise SettingsError("the preset's version is not known", seen=version, mend=mend)
    return _read_parts(values)


def _read_parts(values: dict[str, Any]) -> Preset:
    known = {"format", "version", "name", "keeps", *GROUPS}
    unknown = sorted(set(values) - known)
    if unknown:
        raise SettingsError("a preset has no such part", seen=unknown[0], mend=f"known are {', '.join(sorted(known))}")
    parts: dict[str, Any] = {name: _read_group(kind, values.get(name, {})) for name, kind in _KINDS.items()}
    keeps = values.get("keeps", [])
    if not isinstance(keeps, list):
        raise SettingsError("keeps is not a list", seen=keeps, mend=f"name some of {', '.join(KEEPABLE)}, or none")
    return Preset(values.get("name", ""), choice=_read_choice(values.get("choice", {})), keeps=tuple(keeps), **parts)


def _read_group(kind: type[Settings], values: object) -> Settings:
    if not isinstance(values, dict):
        raise SettingsError(f"{kind.__name__} is not an object", seen=values, mend='write {"name": value, …}')
    default = kind().to_dict()
    for name, value in values.items():
        # 1 is equal to True, so that the settings themselves would take it.
        if isinstance(default.get(name), bool) and not isinstance(value, bool):
            raise SettingsError(f"{name} has the wrong type", seen=value, mend="write true or false")
    return kind.from_dict(values)


def _read_choice(values: object) -> ModelChoice:
    if not isinstance(values, dict):
        raise SettingsError("the choice of a model is not an object", seen=values, mend='write {"model": …}')
    default = dataclasses.asdict(ModelChoice())
    unknown = sorted(set(values) - set(default))
    if unknown:
        mend = f"known are {', '.join(sorted(default))}"
        raise SettingsError("the choice of a model has no such setting", seen=unknown[0], mend=mend)
    read = default | values
    require_choice("precision", read["precision"], get_args(Precision))
    for name in ("model", "adapter"):
        value = read[name]
        if value is None and name == "adapter":
            continue
        if not isinstance(value, str) or not value.strip() or len(value) > _MAX_WORD or not value.isprintable():
            mend = f"give a name of at most {_MAX_WORD} characters"
            raise SettingsError(f"{name} is not a name", seen=value, mend=mend)
    return ModelChoice(**read)
