"""``python -m recsys COMMAND``: finds the command, runs it and words its errors.

Exit codes: 0 done, 1 something failed, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from recsys.cli import (
    adapters,
    bench,
    data,
    deploy,
    effects,
    evaluate,
    history,
    models,
    pretrain,
    recommend,
    reports,
    runs,
    sweep,
    train,
    tune,
)
from recsys.errors import InputError, RecsysError
from recsys.server_log import without_secrets

COMMANDS = {
    "data": data,
    "models": models,
    "adapters": adapters,
    "recommend": recommend,
    "history": history,
    "evaluate": evaluate,
    "reports": reports,
    "effects": effects,
    "sweep": sweep,
    "tune": tune,
    "runs": runs,
    "train": train,
    "pretrain": pretrain,
    "bench": bench,
    "deploy": deploy,
}


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m recsys", description="LLMs as movie recommenders.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").strip().splitlines()[0].partition(": ")[2]
        module.add_arguments(commands.add_parser(name, help=summary, description=summary))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parsed = make_parser().parse_args(arguments)
    try:
        exit_code: int = COMMANDS[parsed.command].run(parsed)
    except InputError as error:
        print(without_secrets(f"\nError: {error}"), file=sys.stderr)
        return 2
    except RecsysError as error:
        print(without_secrets(f"\nError: {error}"), file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read our output has enough of it
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return exit_code
