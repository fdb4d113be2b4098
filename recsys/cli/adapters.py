"""``adapters``: list, score, pack, push and add adapters, and convert old ones."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import Any, get_args

from recsys.cli.options import add_workbench_options, open_workbench
from recsys.cli.progress import ProgressLine
from recsys.cli.text_table import render_table
from recsys.data.atomic import open_atomically
from recsys.errors import AdapterError, InputError, ModelUnavailableError
from recsys.evaluation.report_text import render_text
from recsys.models.adapter_adding import AddedAdapter, add_archive, add_from_hub
from recsys.models.adapter_archive import adapter_files, write_archive
from recsys.models.adapter_card import AdapterCard, read_adapter_card
from recsys.models.adapter_conversion import convert_adapter
from recsys.models.adapter_listing import AdapterInfo, default_adapters_folder, find_adapter, list_adapters
from recsys.models.host import ModelChoice
from recsys.settings import DecodingMode, Precision, SplitName

_HEADS = ("name", "base", "method", "r", "prompt", "scores")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every adapter: base model, size, prompt and scores")
    listing.add_argument("--json", action="store_true", help="print JSON")
    packing = actions.add_parser("zip", help="pack an adapter's folder as a zip file")
    packing.add_argument("--out", type=Path, help="the file to write (default: NAME.zip)")
    pushing = actions.add_parser("push", help="upload an adapter's folder to the Hugging Face Hub")
    pushing.add_argument("--repo", required=True, help="user/name on the Hub; made where it does not exist")
    pushing.add_argument("--private", action="store_true", help="make a private repository")
    scoring = actions.add_parser("score", help="evaluate an adapter or a trained model and write it into its card")
    scoring.add_argument("--split", default="test", choices=get_args(SplitName))
    scoring.add_argument("--records", type=int, default=0, help="how many records; 0 takes all of the split")
    scoring.add_argument(
        "--decoding", nargs="+", choices=get_args(DecodingMode), help="ways of decoding (default: all but hybrid)"
    )
    scoring.add_argument("--precision", default="auto", choices=get_args(Precision))
    add_workbench_options(scoring)
    adding = actions.add_parser("add", help="take in an adapter from a zip or the Hub, once it was checked")
    adding.add_argument("source", metavar="FILE_OR_ID", help="a zip of a PEFT folder, or owner/name on the Hub")
    converting = actions.add_parser(
        "convert", help="take in a copy of an old adapter (adapter_model.bin) as safetensors"
    )
    converting.add_argument("old", metavar="OLD_FOLDER", type=Path, help="the folder, which stays as it is")
    converting.add_argument("--out", required=True, metavar="NAME", help="what the copy is called under adapters/")
    for action in (adding, converting):
        action.add_argument("--base-model", help="the model that it is for, where it names none that is listed")
    for action in (packing, pushing, scoring):
        action.add_argument("name", metavar="NAME", help="name of a folder under adapters/")
    for action in (listing, packing, pushing, adding, converting):
        action.add_argument("--adapters", type=Path, help="a folder of PEFT folders (default: adapters/)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the action."""
    if arguments.action == "score":
        return _score(arguments)
    if arguments.action == "list":
        return _list(list_adapters(arguments.adapters), as_json=arguments.json)
    if arguments.action in ("add", "convert"):
        return _tell_added(_add(arguments))
    adapter = find_adapter(arguments.name, arguments.adapters)
    if arguments.action == "zip":
        return _zip(adapter, arguments.out or Path(f"{adapter.name}.zip"))
    return _push(adapter, arguments.repo, private=arguments.private)


def _list(adapters: tuple[AdapterInfo, ...], *, as_json: bool) -> int:
    described = [(adapter, _read_card(adapter)) for adapter in adapters]
    if as_json:
        json.dump([_to_dict(adapter, card) for adapter, card in described], sys.stdout, indent=2)
        print()
    elif described:
        print(render_table(_HEADS, [_row(adapter, card) for adapter, card in described]))
    else:
        print("no adapters. Train one: python -m recsys train --recipe story --name my-adapter")
    return 0


def _read_card(adapter: AdapterInfo) -> AdapterCard:
    try:
        return read_adapter_card(adapter.path)
    except AdapterError:
        return AdapterCard(adapter.name)  # the adapter's own note tells what is wrong


def _to_dict(adapter: AdapterInfo, card: AdapterCard) -> dict[str, Any]:
    told = {**dataclasses.asdict(card), "num_parameters": adapter.num_parameters, "note": adapter.note}
    return told | {"base_model": adapter.base_model or card.base_model, "r": adapter.r}


def _row(adapter: AdapterInfo, card: AdapterCard) -> tuple[str, ...]:
    scores = "; ".join(f"{s.label} {s.map:.4f} {s.interval} ({s.told_of})".replace(" ()", "") for s in card.scores)
    r = "-" if adapter.r is None else str(adapter.r)
    problem = adapter.note if adapter.r is None else ""
    return (
        adapter.name,
        adapter.base_model or "-",
        card.method or "-",
        r,
        adapter.prompt_id or "-",
        scores or problem or "-",
    )


def _score(arguments: argparse.Namespace) -> int:
    from recsys.training.scoring import ScoringPlan, score_saved

    workbench = open_workbench(arguments)
    shipped = {spec.name: spec for spec in workbench.models() if spec.source == "folder"}
    if arguments.name in shipped:
        choice = ModelChoice(arguments.name, arguments.precision)
        folder = Path(shipped[arguments.name].location)
    else:
        choice = workbench.choices.find(None, arguments.precision, arguments.name)
        folder = find_adapter(arguments.name, arguments.adapters).path
    plan = ScoringPlan(arguments.split, arguments.records)
    if arguments.decoding:
        plan = dataclasses.replace(plan, decodings=tuple(arguments.decoding))
    progress = ProgressLine()
    workbench.host.load(choice, progress)
    reports = score_saved(workbench, choice, folder, plan, progress=progress)
    progress.close()
    for report in reports:
        print(render_text(report))
    return 0


def _add(arguments: argparse.Namespace) -> AddedAdapter:
    root, base_model = arguments.adapters, arguments.base_model
    if arguments.action == "convert":
        return convert_adapter(arguments.old, arguments.out, root, base_model=base_model)
    path = Path(arguments.source)
    if path.is_dir():
        mend = f"copy the folder to {root or default_adapters_folder()}, or give its zip"
        raise InputError("this is a folder, neither a zip nor an id of the Hub", seen=str(path), mend=mend)
    if path.is_file() or path.suffix.lower() == ".zip":
        return add_archive(path, root, base_model=base_model)
    return add_from_hub(arguments.source, root, base_model=base_model)


def _tell_added(added: AddedAdapter) -> int:
    info = added.info
    made_for = f" for {added.model}" if added.model else ""
    print(f"{info.name} was added{made_for}: a LoRA of rank {info.r} with {info.num_parameters:,} weights")
    print(info.path)
    for sentence in added.told:
        print(sentence)
    return 0


def _zip(adapter: AdapterInfo, out: Path) -> int:
    if out.is_dir():
        raise InputError("--out is a folder", seen=str(out), mend=f"name a file, such as {adapter.name}.zip")
    try:
        with open_atomically(out) as file:
            write_archive(adapter.path, file)
    except OSError as error:
        raise InputError("the zip file cannot be written", seen=str(out), mend=f"{error.strerror}") from error
    print(f"{out} ({out.stat().st_size:,} bytes)")
    return 0


def _push(adapter: AdapterInfo, repo: str, *, private: bool) -> int:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise InputError("a repository is named user/name", seen=repo, mend=f"for example: --repo me/{adapter.name}")
    files = adapter_files(adapter.path)
    from huggingface_hub import get_token

    token = get_token()
    if token is None:
        mend = "set HF_TOKEN to a token of the Hub that may write"
        raise InputError("nobody is logged in to the Hugging Face Hub", mend=mend)
    address = _upload(adapter.path, files, repo, token=token, private=private)
    print(f"{len(files)} files are at {address}")
    return 0


def _upload(folder: Path, files: tuple[Path, ...], repo: str, *, token: str, private: bool) -> str:
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi(token=token)
    try:
        address = str(api.create_repo(repo, private=private, exist_ok=True))
        api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            allow_patterns=[path.name for path in files],
            commit_message=f"Adapter {folder.name}",
        )
    except HFValidationError as error:
        raise InputError("the Hub takes no such name", seen=repo, mend="use letters, digits, - and _") from error
    except HfHubHTTPError as error:
        mend = "take a token that may write there (HF_TOKEN)"
        raise ModelUnavailableError("the Hub refused the upload", seen=_status(error), mend=mend) from error
    except (OSError, httpx2.HTTPError) as error:
        mend = "check the network"
        raise ModelUnavailableError("the Hub cannot be reached", seen=type(error).__name__, mend=mend) from error
    return address


def _status(error: Exception) -> object:
    """The HTTP status alone: the message holds the address that was asked."""
    return getattr(getattr(error, "response", None), "status_code", None) or str(error)
