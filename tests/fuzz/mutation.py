"""Cases without atheris: good ones cut, doubled, spliced and altered at random, from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

MAX_BYTES = 4096
_TOKENS = (
    b"\0", b"\xff", b"\n", b"\r\n", b";", b",", b"=>", b"[", b"]", b"(1995)", b"\"", b"::", b"|", b"1", b"-1", b"0.5",
    b"NaN", b"1e999", b"Infinity", b"null", b"{", b"}", b"${x}", b"<script>", b"../", b"%00", "\u202e".encode(),
    "é".encode(), "ǅ".encode(), b"\xed\xa0\x80", b"PK\x03\x04", b"\x1e", b"9" * 40,
)  # fmt: skip
"""What readers stumble over."""


def cases(seeds: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """The seeds, then mutations of them and of one another."""
    chance = random.Random(seed)
    pool = list(seeds) or [b""]
    yield from pool[:count]
    for _ in range(count - len(pool)):
        case = bytearray(chance.choice(pool))
        for _ in range(1 + int(chance.expovariate(0.5))):
            case = _mutated(case, pool, chance)
        found = bytes(case[:MAX_BYTES])
        if chance.random() < 0.01:
            pool[chance.randrange(len(pool))] = found
            pool.append(chance.choice(list(seeds) or [b""]))
            del pool[64:]
        yield found


def _mutated(case: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    at, to = sorted(chance.randrange(len(case) + 1) for _ in range(2))
    kind = chance.randrange(7)
    if kind == 0:
        return case[:at] + case[to:]
    if kind == 1:
        return case[:to] + case[at:to] + case[to:]
    if kind == 2:
        return case[:at] + chance.choice(_TOKENS) + case[at:]
    if kind == 3:
        return case[:at] + chance.choice(_TOKENS) + case[to:]
    if kind == 4:
        other = chance.choice(pool)
        return case[:at] + other[chance.randrange(len(other) + 1) :]
    if kind == 5:
        return case[:at] + chance.randbytes(1 + chance.randrange(8)) + case[at:]
    if case:
        case[min(at, len(case) - 1)] ^= 1 << chance.randrange(8)
    return case
