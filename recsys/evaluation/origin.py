"""What the results of a run are made of: data, weights, prompts and the versions of what computes them.

Two runs with the same origin and the same settings can be compared record by record; a report tells its own. This
module loads nothing: hashes of data and weights are given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from recsys import __version__

if TYPE_CHECKING:
    from recsys.data.records import Record

ENGINE: Final = ("torch", "transformers", "peft", "rapidfuzz")
"""The packages whose version may change an answer."""


@dataclass(frozen=True)
class Origin:
    """What results are made of.

    Attributes:
        hashes: Of the data, the weights and the adapter, by name.
        render: The prompt of a record, as the model reads it; None where it is not known.
        options: Words of the command line that choose these data; none for the embedded ones, split as usual.
    """

    hashes: Mapping[str, str] = field(default_factory=dict)
    render: Callable[[Record], str] | None = None
    options: tuple[str, ...] = ()

    def prompt(self, records: Sequence[Record]) -> str:
        """The prompt of the first record; empty where it is not known."""
        return self.render(records[0]) if self.render is not None and records else ""

    def provenance(self, records: Sequence[Record]) -> dict[str, str]:
        """Everything by name: the hashes, one of all prompts, and the versions of the engine."""
        found = dict(self.hashes)
        if self.render is not None:
            found["prompts"] = hash_texts(map(self.render, records))
        return found | engine_versions()


UNKNOWN_ORIGIN: Final = Origin()


def engine_versions() -> dict[str, str]:
    """The version of each package that computes, and of this one; what is not installed is missing."""
    found = {"recsys": __version__}
    for name in ENGINE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def hash_texts(texts: Iterable[str]) -> str:
    """Names texts in their order, in 16 hexadecimal digits.

    >>> hash_texts(["a", "b"]) == hash_texts(["ab"])
    False
    """
    digest = hashlib.sha256()
    for text in texts:
        encoded = text.encode("utf-8", errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()[:16]
