"""What happens on the Recommend tab: from the page's values to a request, and from an answer to the page.

Handlers check everything again, since a client may send what the page would not. What is wrong is
shown where the answer would be, and nothing that was typed is touched.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.catalogue import Catalogue, HistoryEntry
from recsys.data.records import Record
from recsys.errors import CancelledError, HistoryError, RecsysError
from recsys.feedback import Round
from recsys.models.host import ModelChoice
from recsys.parsing import GeneratedTitle, parse_completion
from recsys.prompts import Prompt
from recsys.recommend import Recommendation, RecommendationRequest, render_prompt
from recsys.remote.settings import is_served
from recsys.settings import Precision
from recsys.ui.answer_cards import answer_cards, cancelled_cards, error_cards, streaming_cards, waiting_cards
from recsys.ui.answer_details import answer_details
from recsys.ui.answer_view import View, answer_view, waiting_for
from recsys.ui.compare_cards import drawn_sides, requests_to_compare
from recsys.ui.links import open_link, page_address, query_of
from recsys.ui.live_stream import LiveStream
from recsys.ui.model_fit import runs_here
from recsys.ui.rounds import Finished, FinishedAnswers
from recsys.ui.running_requests import LastAnswers, RunningRequests
from recsys.ui.settings_panel import SettingsPanel
from recsys.ui.share import has_request
from recsys.ui.side_by_side import SideState, answer_in_turn
from recsys.ui.title_picker import PickerValue, find_entry, read_entries, write_entries

if TYPE_CHECKING:
    from recsys.loaded_data import LoadedData
    from recsys.workbench import Workbench

EXAMPLES: dict[str, tuple[tuple[str, ...], int]] = {
    "ghibli": (("Spirited Away (2001)", "My Neighbor Totoro (1988)"), 3),
    "action": (("Terminator 2: Judgment Day (1991)", "Speed (1994)", "The Rock (1996)", "Face/Off (1997)"), 4),
}
"""Example → its movies and N."""


@dataclass(frozen=True)
class Question:
    """A request on its way, with the data that it was asked of.

    Attributes:
        asked: The request.
        data: Its movies and records, whatever is chosen meanwhile.
        cancel: Stops it.
        visitor: Who asks.
    """

    asked: RecommendationRequest
    data: LoadedData
    cancel: threading.Event
    visitor: gr.Request

    @property
    def record(self) -> Record | None:
        return self.data.split.find_record(self.asked.record_id) if self.asked.record_id else None


class RecommendHandlers:
    """The tab's handlers; one object for all visitors, so it keeps nothing of any but who is running."""

    def __init__(self, workbench: Workbench, panel: SettingsPanel) -> None:
        self.workbench = workbench
        self.panel = panel
        self.running = RunningRequests.none()
        self.answers = LastAnswers()
        self.finished = FinishedAnswers()

    def answer(
        self, request: gr.Request, liked: object, disliked: object, record_id: object, *values: object
    ) -> Iterator[View]:
        """Answers the request on the page, from waiting over streaming to done."""
        yield from self.run(request, (liked, disliked, record_id, values), self._stream)

    def compare(
        self, request: gr.Request, liked: object, disliked: object, record_id: object, *values: object
    ) -> Iterator[View]:
        """Answers the request on the page twice: in free text, and with what the catalogue allows."""
        yield from self.run(request, (liked, disliked, record_id, values), self._stream_both)

    def run(
        self,
        request: gr.Request,
        given: tuple[object, object, object, Sequence[object]],
        work: Callable[[Question], Iterator[View]],
    ) -> Iterator[View]:
        """Reads the page's values and works on them, and words what goes wrong where the answer would be."""
        session = request.session_hash or ""
        cancel = self.running.begin(session)
        self.answers.begin(session)
        try:
            question = Question(self.read(*given), self.workbench.data, cancel, request)
            num_recommendations = question.asked.generation.num_recommendations
            yield answer_view(waiting_cards("Reading the prompt…", num_recommendations), "", stop=True)
            yield from work(question)
        except CancelledError:
            yield answer_view(cancelled_cards(), "")
        except RecsysError as error:
            yield answer_view(error_cards(error), "")
        except Exception:
            broken = RecsysError("Something broke that should not have", mend="the server's log tells what; try again")
            yield answer_view(error_cards(broken), "")
            raise
        finally:
            cancel.set()
            self.running.end(session)

    def stop(self, request: gr.Request) -> None:
        """Stops the session's request; what was written by then is still read."""
        self.running.stop(request.session_hash or "")

    def left_queue(self) -> View:
        """The request was taken out of the queue before its turn."""
        return answer_view(cancelled_cards(), "")

    def read(
        self, liked: object, disliked: object, record_id: object, values: Sequence[object]
    ) -> RecommendationRequest:
        """The request that the page's values make.

        Raises:
            RecsysError: for whatever is wrong with them.
        """
        settings = self.panel.read(values)
        catalogue = self.workbench.catalogue
        history = read_entries(liked, catalogue)
        record = self._record(record_id, history)
        return RecommendationRequest(
            history=history,
            disliked=read_entries(disliked, catalogue),
            generation=settings.generation,
            prompt=settings.prompt,
            resolution=settings.resolution,
            choice=settings.choice,
            decoding=settings.decoding,
            record_id=record.record_id if record else None,
        )

    def fill_example(self, name: str) -> tuple[PickerValue, PickerValue, None, int]:
        """Liked, disliked, record and N of an example."""
        titles, num_recommendations = EXAMPLES[name]
        catalogue = self.workbench.catalogue
        entries = [find_entry(title, catalogue) for title in titles]
        return write_entries(entries, catalogue), [], None, num_recommendations

    def fill_record(self) -> tuple[PickerValue, PickerValue, str, int]:
        """Liked, disliked, record and N of a held-out user drawn at random."""
        data = self.workbench.data
        record, catalogue = random.choice(data.split.records["test"]), data.catalogue
        disliked = record.disliked[-self.workbench.limits.max_history :]
        return (
            write_entries(record.history, catalogue),
            write_entries(disliked, catalogue),
            record.record_id,
            len(record.relevant),
        )

    def load_model(self, model: object, precision: Precision, adapter: str | None, int8_threshold: float) -> None:
        """Starts to load a model as soon as it is chosen, where it fits; the header shows how far it is."""
        model = model.strip() if isinstance(model, str) else ""
        precision = "auto" if is_served(model) else precision  # the control may not have followed yet
        if not model or not runs_here(self.workbench, model, precision):
            return
        try:
            self.workbench.host.start_loading(ModelChoice(model, precision, adapter or None, int8_threshold))
        except RecsysError as error:
            gr.Warning(str(error))

    def restore(self, request: gr.Request) -> list[Any]:
        """Liked, disliked and all settings of a link; nothing changes where the link says nothing."""
        parameters = query_of(request)
        if not has_request(parameters):
            return [gr.skip()] * (2 + len(self.panel.inputs))
        link = open_link(parameters, self.workbench)
        settings, outside = self.panel.held(link.settings, "link")
        for problem in (*link.problems, *outside):
            gr.Warning(problem)
        catalogue = self.workbench.catalogue
        liked, disliked = (write_entries(entries, catalogue) for entries in (link.liked, link.disliked))
        return [liked, disliked, *self.panel.show(settings)]

    def _stream(self, question: Question) -> Iterator[View]:
        for part in self._parts(question, question.asked, question.cancel):
            if isinstance(part, str):
                yield answer_view(part, "", stop=True)
                continue
            catalogue, address = question.data.catalogue, page_address(question.visitor)
            cards, details = answer_cards(part, catalogue), answer_details(part, catalogue, question.record, address)
            finished = Finished(Round.of(part), cards, details, question.data.number)
            self.finished.leave(question.visitor.session_hash or "", finished)
            yield answer_view(cards, details)

    def _stream_both(self, question: Question) -> Iterator[View]:
        requests, catalogue, record = requests_to_compare(question.asked), question.data.catalogue, question.record
        yield from self.answer_beside(
            question, requests, lambda states: drawn_sides(states, requests, catalogue, record)
        )

    def answer_beside(
        self,
        question: Question,
        requests: Sequence[RecommendationRequest],
        draw: Callable[[Sequence[SideState]], str],
        details: str = "",
    ) -> Iterator[View]:
        """Answers several requests of one question in turn, drawn side by side; the details come last."""
        waiting = waiting_cards("Next", question.asked.generation.num_recommendations)
        ask = partial(self._parts, question)
        for states, is_last in answer_in_turn(ask, requests, waiting, question.cancel):
            yield answer_view(draw(states), details if is_last else "", stop=not is_last)

    def _parts(
        self, question: Question, asked: RecommendationRequest, cancel: threading.Event
    ) -> Iterator[str | Recommendation]:
        """The cards while an answer is on its way, as often as they change, then the answer.

        Raises:
            HistoryError: when the data set was replaced meanwhile, so that the answer has nowhere to go.
        """
        workbench, data, num = self.workbench, question.data, asked.generation.num_recommendations
        workbench.check(asked, data)
        prompt = render_prompt(asked, data.catalogue, workbench.examples(asked.prompt, data))
        text = ""
        for part in LiveStream(lambda: workbench.stream(asked, data=data, cancel=cancel), cancel):
            if workbench.data is not data:
                raise HistoryError("another data set was chosen meanwhile", mend="pick movies of it and ask again")
            if isinstance(part, Recommendation):
                self._remember(question, part)
                yield part
            elif isinstance(part, str):
                text = part
                yield streaming_cards(text, self._titles_so_far(text, prompt, data.catalogue), num)
            elif not text:
                message, progress = waiting_for(workbench.host.state())
                yield waiting_cards(message, num, progress=progress)

    def _remember(self, question: Question, answer: Recommendation) -> None:
        self.answers.remember(question.visitor.session_hash or "", answer)

    def _titles_so_far(self, text: str, prompt: Prompt, catalogue: Catalogue) -> list[GeneratedTitle]:
        """The titles that are complete: the one at the end of the text may still grow."""
        parsed = parse_completion(
            text,
            catalogue,
            num_recommendations=prompt.num_recommendations,
            list_separator=prompt.settings.list_separator,
            closing=prompt.closing,
            answer_prefix=prompt.answer_prefix,
        )
        return [title for title in parsed.titles if title.end < len(text.rstrip())]

    def _record(self, record_id: object, history: tuple[HistoryEntry, ...]) -> Record | None:
        """The record on the page, as long as its history was not edited."""
        record = self.workbench.split.find_record(record_id) if isinstance(record_id, str) else None
        return record if record is not None and record.history == history else None
