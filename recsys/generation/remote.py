"""Writes completions by asking a server: streamed, several at once, and ended by us as soon as the list is complete.

It gives the same Completion as a model of this process does, as far as a server tells: a count of tokens that it
does not tell is 0 and marked, and what a setting could not do there is said.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from recsys.errors import SettingsError
from recsys.generation.completion import Completion, FinishReason, IsComplete
from recsys.generation.seeds import derive_seed
from recsys.generation.streaming import stream_from_thread
from recsys.prompts import Prompt
from recsys.remote.client import Client
from recsys.remote.pieces import Piece
from recsys.remote.running import run_coroutine
from recsys.remote.server import AS_SERVED, ServedModel
from recsys.settings import GenerationSettings

_SECONDS_BETWEEN_LOOKS = 0.05
_LONGEST_TOKEN = 250
"""Characters; a text that is longer than its tokens can be comes from a server that does not keep max_tokens."""
_SPECIAL = re.compile(r"<\|[^|<>\s]{1,40}\|>|</?s>|\[/?INST\]")
_MARKS = re.compile(r"[;,\n\])]")
"""What may end a title or a list."""
_BY_CHAT = "The server has no completions, so the prompt was sent as a chat message in the model's own template."
_WITHOUT_TEMPLATE = "The server read the prompt as plain text, without the model's chat template."
_CUT = "With beams the server writes on after the last title: that is left out, and its tokens are counted."
_NO_COUNT = "The server did not tell how many tokens it wrote."
_SHARED_DRAW = "The server draws for everybody from one generator, so this seed may not give the same answer again."


@dataclass
class _Writing:
    """One completion while it is written."""

    prompt: Prompt
    seed: int
    text: str = ""
    reason: FinishReason | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    by_chat: bool = False
    was_cut: bool = False

    def cut_to(self, length: int) -> None:
        """Leaves out what was written after that many characters."""
        self.was_cut = length < len(self.text)
        self.text = self.text[:length]

    def begin(self) -> None:
        """Forgets what an attempt wrote that broke off."""
        self.text, self.reason = "", None


@dataclass(frozen=True)
class _Order:
    """What holds for every completion of a batch."""

    settings: GenerationSettings
    is_complete: IsComplete | None
    should_stop: Callable[[], bool]
    on_text: Callable[[str], None] = field(default=lambda _: None)


class RemoteGenerator:
    """Completes prompts with a model of a server; cheap to make, one for each request.

    Args:
        served: The model, and the server that is asked.
    """

    def __init__(self, served: ServedModel) -> None:
        self._served = served
        self._server = served.server

    def generate(
        self,
        prompts: Sequence[Prompt],
        settings: GenerationSettings,
        *,
        seeds: Sequence[int] | None = None,
        is_complete: IsComplete | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        """Completes prompts, as many at once as the server's settings allow.

        Args:
            prompts: Any number.
            settings: The same for all.
            seeds: One for each prompt; ``settings.seed`` for each without them.
            is_complete: Told the text so far and its prompt; true closes that connection.
            cancel: Set from another thread to stop: what was written by then is returned as "stopped".

        Raises:
            SettingsError: when the seeds are not as many as the prompts, or a server that only chats is given a
                prompt that is no chat.
            RecsysError: when the server cannot be reached, refuses or breaks off, after a few attempts.
        """
        seeds = [settings.seed] * len(prompts) if seeds is None else seeds
        if len(seeds) != len(prompts):
            raise SettingsError("each prompt needs one seed", seen=f"{len(seeds)} seeds for {len(prompts)} prompts")
        order = _Order(settings, is_complete, cancel.is_set if cancel is not None else lambda: False)
        return self._complete([_Writing(*pair) for pair in zip(prompts, seeds, strict=True)], order)

    def stream(
        self,
        prompt: Prompt,
        settings: GenerationSettings,
        *,
        is_complete: IsComplete | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[str | Completion]:
        """Yields the text so far while it grows, then the Completion, last.

        Closing the iterator closes the connection, which stops the server.

        Raises:
            SettingsError, RecsysError: as ``generate``, at the first step.
        """

        def work(on_text: Callable[[str], None], should_stop: Callable[[], bool]) -> Completion:
            order = _Order(settings, is_complete, should_stop, on_text)
            return self._complete([_Writing(prompt, settings.seed)], order)[0]

        return stream_from_thread(work, cancel)

    def _complete(self, writings: list[_Writing], order: _Order) -> list[Completion]:
        start = time.perf_counter()
        if writings and not order.should_stop():
            run_coroutine(self._write_all(writings, order))
        seconds = time.perf_counter() - start
        return [self._completion(one, order.settings, seconds) for one in writings]

    async def _write_all(self, writings: list[_Writing], order: _Order) -> None:
        """Writes all at once; raises the first error, and leaves early what was stopped."""
        gate = asyncio.Semaphore(self._server.settings.parallel_requests)
        async with Client(self._server.settings) as client:

            async def write(writing: _Writing) -> None:
                async with gate:
                    await self._write(client, writing, order)

            tasks = [asyncio.create_task(write(one)) for one in writings]
            try:
                waiting: set[asyncio.Task[None]] = set(tasks)
                while waiting and not order.should_stop():
                    done, waiting = await asyncio.wait(
                        waiting, timeout=_SECONDS_BETWEEN_LOOKS, return_when=asyncio.FIRST_EXCEPTION
                    )
                    for task in done:
                        task.result()  # raises what went wrong in it
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, client: Client, writing: _Writing, order: _Order) -> None:
        """One completion, or a chat where the server has no completions."""
        is_whole = self._served.kind.is_whole(order.settings)

        def take(piece: Piece) -> bool:
            return _take(piece, writing, order, is_whole=is_whole)

        asked = {"model": self._served.asked_name, **self._served.kind.body(order.settings, _seed(writing))}
        if not self._server.chats_only:
            body = {"prompt": _as_plain_text(writing.prompt.text), **asked}
            if await client.post("completions", body, take, writing.begin):
                writing.reason = writing.reason or "end_of_text"
                return
            self._server.note_chats_only()
        writing.by_chat = True
        body = {"messages": _messages(writing.prompt, self._server.host), **asked}
        if not await client.post("chat/completions", body, take, writing.begin):
            raise SettingsError(
                f"the server at {self._server.host} has neither completions nor chats",
                mend="check that --base-url is that of an OpenAI-compatible server",
            )
        writing.reason = writing.reason or "end_of_text"

    def _completion(self, writing: _Writing, settings: GenerationSettings, seconds: float) -> Completion:
        told = writing.completion_tokens is not None
        return Completion(
            text=writing.text,
            prompt_text=_sent(writing),
            prompt_tokens=writing.prompt_tokens or 0,
            completion_tokens=writing.completion_tokens or 0,
            seconds=seconds,
            finish_reason=writing.reason or "stopped",
            settings=settings.replace(seed=writing.seed),
            base_model=self._served.name,
            precision=AS_SERVED,
            adapter=self._served.adapter,
            without_effect=self._served.kind.without_effect(settings),
            tokens_told=told,
            notes=tuple(self._notes(writing, settings, told=told)),
        )

    def _notes(self, writing: _Writing, settings: GenerationSettings, *, told: bool) -> Iterator[str]:
        """What the reader of the answer should know of how it was made."""
        if writing.by_chat:
            yield _BY_CHAT
        elif writing.prompt.messages is not None:
            yield _WITHOUT_TEMPLATE
        yield from self._served.kind.notes(settings)
        if settings.do_sample and not self._served.kind.draws_alone:
            yield _SHARED_DRAW
        if writing.was_cut:
            yield _CUT
        if not told:
            yield _NO_COUNT


def _take(piece: Piece, writing: _Writing, order: _Order, *, is_whole: bool) -> bool:
    """Takes a piece in; true ends the answer, of which a whole one may hold more than was asked for."""
    if piece.prompt_tokens is not None:
        writing.prompt_tokens = piece.prompt_tokens
    if piece.completion_tokens is not None:
        writing.completion_tokens = piece.completion_tokens
    if piece.text:
        writing.text += piece.text
        order.on_text(writing.text)
        if order.is_complete is not None and order.is_complete(writing.text, writing.prompt):
            writing.reason = "titles_complete"
            if is_whole:
                writing.cut_to(_complete_length(writing, order.is_complete))
            return True
    if piece.finish_reason is not None and writing.reason is None:
        writing.reason = "max_new_tokens" if piece.finish_reason == "length" else "end_of_text"
    if len(writing.text) > _LONGEST_TOKEN * order.settings.max_new_tokens:
        writing.reason = "max_new_tokens"
        return True
    return False


def _complete_length(writing: _Writing, is_complete: IsComplete) -> int:
    """The characters up to the first mark after which the list is complete."""
    text, prompt = writing.text, writing.prompt
    ends = (mark.end() for mark in _MARKS.finditer(text))
    return next((end for end in ends if is_complete(text[:end], prompt)), len(text))


def _seed(writing: _Writing) -> int:
    """Of the prompt as well, as with a model of this process; 31 bits are what every server takes."""
    return derive_seed(writing.seed, writing.prompt.text) & 0x7FFFFFFF


def _messages(prompt: Prompt, host: str) -> list[dict[str, str]]:
    if prompt.messages is None:
        raise SettingsError(
            f"the server at {host} only chats, and this prompt is a text to go on with",
            seen=prompt.settings.style,
            mend="choose the style instruction",
        )
    return [{**message, "content": _as_plain_text(message["content"])} for message in prompt.messages]


def _as_plain_text(text: str) -> str:
    """Breaks up what most models take for special tokens: typed by a person, it must not open a turn or end one."""
    return _SPECIAL.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def _sent(writing: _Writing) -> str:
    """The prompt as it was sent; a chat's template is the server's own."""
    messages: list[dict[str, Any]] | None = writing.prompt.messages if writing.by_chat else None
    if messages is None:
        return _as_plain_text(writing.prompt.text)
    return "\n\n".join(f"{message['role']}: {_as_plain_text(message['content'])}" for message in messages)
