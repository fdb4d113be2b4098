"""Records a second of our trainer beside transformers' own with its default collator, on the same records in one run.

Both train the same LoRA on the same base in the same precision, with the same batch size and AdamW; what differs is
what a batch holds (examples of like length or as they come) and which logits are computed (of targets or all).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.training.batches import LengthBatches, padding_share
from recsys.training.examples import EpochExamples, Example, ExampleWriter, record_cases
from recsys.training.methods import add_trainable
from recsys.training.request import TrainingData, TrainingRequest

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel


@dataclass(frozen=True)
class Throughput:
    """One way of training over the records.

    Attributes:
        name: Which.
        seconds: Of one pass over them, setting up aside.
        records_per_second: The same as a speed.
        padding: Share of the places of its batches that hold no token.
        logits: Share of the tokens read whose logits are computed.
    """

    name: str
    seconds: float
    records_per_second: float
    padding: float
    logits: float


def measure_throughput(
    load: Callable[[], LoadedModel], data: TrainingData, request: TrainingRequest, *, num_records: int
) -> list[Throughput]:
    """Times one epoch over the first records, plain first, then ours on the answers and on every title.

    Args:
        load: Loads the base anew, since training changes it.
        data: Where the records come from.
        request: Its settings; loss_on is varied here.
        num_records: How many records; a few batches of them warm each way up.
    """
    records = data.split.records["train"][:num_records]
    size = request.training.per_device_train_batch_size
    measured = []
    for name, loss_on in (("plain", "answer"), ("answer", "answer"), ("titles", "titles")):
        loaded = load()
        write = ExampleWriter(loaded.tokenizer, data.catalogue, request.prompt, loss_on=loss_on)  # type: ignore[arg-type]
        examples = EpochExamples(record_cases(records), len(records), write)
        model = add_trainable(loaded.model, request.training.method, request.lora)
        lengths = examples.lengths.tolist()
        with tempfile.TemporaryDirectory() as folder:
            make = _plain if name == "plain" else _ours
            trainer = make(model, loaded, examples, request, Path(folder))
            _take(trainer, 2)
            seconds = _take(trainer, -(-len(records) // size))
        batches = [list(range(at, min(at + size, len(lengths)))) for at in range(0, len(lengths), size)]
        read = sum(lengths) - len(lengths)
        learnt = sum(len(example) - max(example.first_target, 1) for example in examples)
        if name != "plain":
            batches = list(LengthBatches(examples, size, seed=request.training.seed))
        padding = padding_share(lengths, batches)
        logits = learnt / read if name != "plain" else 1 / (1 - padding)
        measured.append(Throughput(name, seconds, len(records) / seconds, padding, logits))
    return measured


def _ours(
    model: Any, loaded: LoadedModel, examples: EpochExamples[Example], request: TrainingRequest, folder: Path
) -> Any:
    from transformers import TrainingArguments

    from recsys.training.run_trainer import make_arguments
    from recsys.training.trainer import TitleTrainer

    arguments = make_arguments(request.training, folder, steps_per_epoch=1, save_strategy="no", use_cpu=_on_cpu(loaded))
    return TitleTrainer(
        model, examples, (), TrainingArguments(**arguments), pad_token_id=loaded.tokenizer.pad_token_id or 0
    )


def _plain(
    model: Any, loaded: LoadedModel, examples: EpochExamples[Example], request: TrainingRequest, folder: Path
) -> Any:
    from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

    settings = request.training
    loaded.tokenizer.padding_side = "right"
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=settings.per_device_train_batch_size,
        learning_rate=settings.learning_rate,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=_on_cpu(loaded),
        dataloader_pin_memory=False,
    )
    rows: Any = [{"input_ids": example.ids.tolist()} for example in examples]
    collator = DataCollatorForLanguageModeling(loaded.tokenizer, mlm=False)
    return Trainer(model=model, args=arguments, train_dataset=rows, data_collator=collator)


def _take(trainer: Any, steps: int) -> float:
    """Seconds of so many steps."""
    trainer.args.max_steps = steps
    start = time.perf_counter()
    trainer.train()
    return time.perf_counter() - start


def _on_cpu(loaded: LoadedModel) -> bool:
    return loaded.device == "cpu"
