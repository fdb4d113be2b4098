"""``GET /health``: whether the page can answer, for whoever watches over the process.

It asks nobody that could be busy: every value is at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from recsys import __version__
from recsys.machine_memory import machine_bytes_left
from recsys.models.host import HostState

if TYPE_CHECKING:
    from recsys.workbench import Workbench


class Health:
    """What is told of a workbench.

    Attributes:
        is_stopping: Set once the process was asked to end.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self.is_stopping = False

    @property
    def route(self) -> Route:
        return Route("/health", self._answer, methods=["GET"])

    async def _answer(self, request: Request) -> JSONResponse:
        num_waiting = request.app.get_blocks()._queue.get_status().queue_size
        told = self.tell(num_waiting)
        headers = {"Cache-Control": "no-store"}
        return JSONResponse(told, status_code=200 if told["status"] == "ok" else 503, headers=headers)

    def tell(self, num_waiting: int) -> dict[str, Any]:
        """The whole answer.

        Args:
            num_waiting: Requests in the page's queue.
        """
        import psutil

        state = self._workbench.host.state()
        choice, job = state.choice, self._workbench.jobs.latest()
        return {
            "status": "stopping" if self.is_stopping else status_of(state),
            "version": __version__,
            "model": {
                "phase": state.phase,
                "name": choice.model if choice else None,
                "adapter": choice.adapter if choice else None,
                "precision": state.precision,
                "bytes": state.memory_bytes,
            },
            "queue": {"waiting": num_waiting, "evaluation_running": job is not None and not job.state().is_over},
            "memory": {"process_bytes": psutil.Process().memory_info().rss, "free_bytes": machine_bytes_left()},
        }


def status_of(state: HostState) -> str:
    """Gives ok where a model can answer now, else what the host is at.

    A model that could not be loaded takes nothing from the one that is in memory.
    """
    return "ok" if state.phase == "ready" or state.memory_bytes > 0 else state.phase
