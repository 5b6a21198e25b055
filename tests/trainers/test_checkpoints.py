"""Checkpoints come back bit for bit, are whole or absent, and nothing damaged or foreign is taken for one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from disk_faults import failing_fsync, names, old_file
from hypothesis import given
from hypothesis import strategies as st
from refusals import refuses
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from trainers.checkpoints import (
    CheckpointStore,
    ResumeState,
    load_resume,
    load_weights,
    optimizer_tensors,
    restore_optimizer,
    save_resume,
    save_weights,
    weights,
)
from trainers.errors import WorkbenchError
from trainers.models import ModelSpec, build_model
from trainers.rundir import find_weights
from trainers.spec import RolledBack

SPEC = ModelSpec(name="small-cnn", width=4, in_channels=3, num_classes=6, mean=(0.1, 0.2, 1 / 3), std=(0.5, 1e-3, 0.7))


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    model = build_model(SPEC)
    model.train()(torch.rand(4, 3, 8, 8))  # running statistics of its own
    return model


def identical(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.numpy().tobytes() == other.numpy().tobytes()


def test_weights_come_back_bit_for_bit_with_their_model_and_facts(tmp_path: Path) -> None:
    model, path = network(), tmp_path / "epoch-000003.safetensors"
    with torch.no_grad():
        model.get_parameter("linear.bias").copy_(torch.tensor([0.0, -0.0, 1e-45, torch.inf, torch.nan, 3.4e38]))
    facts = {"epoch": 3, "pgd_accuracy": 0.1, "class_names": ["café", "b"], "eps": 8 / 255}
    save_weights(path, model, SPEC, facts)
    loaded, read = load_weights(path)
    assert read == facts
    assert not any(module.training for module in loaded.modules())
    state = loaded.state_dict()
    assert state.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert identical(state[name], value), name
    x = torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        model.get_parameter("linear.bias").zero_()
        loaded.get_parameter("linear.bias").zero_()
        assert torch.equal(loaded(x), model.eval()(x))
    assert names(tmp_path) == [path.name]


def test_saving_again_replaces(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    for epoch in range(2):
        save_weights(path, network(epoch), SPEC, {"epoch": epoch})
        loaded, facts = load_weights(path)
        assert facts == {"epoch": epoch}
        assert torch.equal(loaded.get_parameter("conv1.weight"), network(epoch).get_parameter("conv1.weight"))


def state(model: nn.Module, optimizer: torch.optim.Optimizer) -> ResumeState:
    return ResumeState(
        epoch=7,
        next_batch=11,
        seconds=12.625,
        model=model.state_dict(),
        optimizer=optimizer_tensors(model, optimizer),
        recorder={"columns": torch.tensor([[1.5, torch.nan]]), "totals": torch.rand(5, dtype=torch.float64)},
    )


def test_rollbacks_come_back_with_the_state_and_older_states_have_none(tmp_path: Path) -> None:
    model = network()
    before = state(model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    path = tmp_path / "resume.safetensors"
    save_resume(path, before)
    assert load_resume(path).rollbacks == ()
    rollbacks = (
        RolledBack(epoch=4, checkpoint=2, changes={"method": "fgsm-der", "der_beta": 0.1}),
        RolledBack(epoch=6, checkpoint=None, changes={"der_beta": 0.2}),
    )
    save_resume(path, replace(before, rollbacks=rollbacks))
    assert load_resume(path).rollbacks == rollbacks
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    del metadata["rollbacks"]  # as earlier versions wrote it
    path.write_bytes(save(load_file(path), metadata))
    assert load_resume(path).rollbacks == ()
    for broken in ("{", "[3]", '[{"epoch": 1}]', "3"):
        path.write_bytes(save(load_file(path), metadata | {"rollbacks": broken}))
        with refuses("does not describe where the run stood"):
            load_resume(path)


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        optimizer.zero_grad()
        model.train()(torch.rand(4, 3, 8, 8, generator=generator)).square().mean().backward()
        optimizer.step()


OPTIMIZERS: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "SGD": lambda model: torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3),
    "SGD without momentum": lambda model: torch.optim.SGD(model.parameters(), lr=0.1),
    "Adam": lambda model: torch.optim.Adam(model.parameters(), lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_restored_optimizer_goes_on_as_if_it_had_never_stopped(tmp_path: Path, name: str) -> None:
    path = tmp_path / "resume.safetensors"
    model = network()
    optimizer = OPTIMIZERS[name](model)
    steps(model, optimizer, 3, seed=1)
    saved = state(model, optimizer)
    save_resume(path, saved)
    steps(model, optimizer, 2, seed=2)

    loaded = load_resume(path)
    assert (loaded.epoch, loaded.next_batch, loaded.seconds) == (7, 11, 12.625)
    assert all(identical(loaded.recorder[key], value) for key, value in saved.recorder.items())
    other = network(seed=9)
    fresh = OPTIMIZERS[name](other)
    other.load_state_dict(loaded.model)
    restore_optimizer(other, fresh, loaded.optimizer)
    steps(other, fresh, 2, seed=2)
    for key, value in model.state_dict().items():
        assert identical(other.state_dict()[key], value), key


def test_a_new_optimizer_has_nothing_to_save(tmp_path: Path) -> None:
    model = network()
    optimizer = OPTIMIZERS["SGD"](model)
    save_resume(tmp_path / "r", state(model, optimizer))
    assert load_resume(tmp_path / "r").optimizer == {}


def header(**changes: Any) -> dict[str, str]:
    fields = {"name": "small-cnn", "width": 4, "in_channels": 3, "num_classes": 6, "mean": [0.5] * 3, "std": [0.5] * 3}
    return {"format": "workbench-checkpoint", "model": json.dumps(fields | changes), "facts": "{}"}


def contents() -> dict[str, bytes]:
    tensors = {name: value.contiguous() for name, value in network().state_dict().items()}
    whole = save(tensors, header())
    fewer = {name: value for name, value in tensors.items() if name != "conv1.weight"}
    more = tensors | {"extra.weight": torch.zeros(2)}
    return {
        "an empty file": b"",
        "a few bytes": b"PK\x03\x04",
        "a web page": b"<!DOCTYPE html><html>404</html>" * 20,
        "zeros": bytes(4096),
        "a header and no tensors": whole[:200],
        "half a file": whole[: len(whole) // 2],
        "all but the last byte": whole[:-1],
        "a tail too long": whole + b"\0",
        "a header that promises too much": b"\xff" * 8 + whole[8:],
        "foreign safetensors": save({"weight": torch.zeros(3)}),
        "safetensors of another format": save(tensors, {"format": "pt"}),
        "all we need under another format": save(
            tensors, header() | {"format": "x", "position": '{"epoch": 1, "next_batch": 0, "seconds": 0}'}
        ),
        "no description": save(tensors, {"format": "workbench-checkpoint"}),
        "a missing weight": save(fewer, header()),
        "a weight too many": save(more, header()),
        "another width": save(tensors, header(width=5)),
        "another number of classes": save(tensors, header(num_classes=7)),
        "an unknown model": save(tensors, header(name="vgg")),
        "a list for a model": save(tensors, header(name=["small-cnn"])),
        "a width that is text": save(tensors, header(width="4")),
        "a width beyond all numbers": save(tensors, header(width=2**70)),
        "no width": save(tensors, header(width=0)),
        "a negative width": save(tensors, header(width=-4)),
        "a key too many": save(tensors, header(colour="red")),
        "a mean that is a number": save(tensors, header(mean=0.5)),
        "as many means as no std": save(tensors, header(mean=[0.5] * 2)),
        "a std of zero": save(tensors, header(std=[0.5, 0.0, 0.5])),
        "no mean and no std": save(tensors, header(mean=[], std=[])),
        "a description that is no JSON": save(tensors, header() | {"model": "{"}),
        "a description that is a list": save(tensors, header() | {"model": "[]"}),
        "facts that are no JSON": save(tensors, header() | {"facts": "nothing"}),
        "facts that are a list": save(tensors, header() | {"facts": "[1]"}),
    }


CONTENTS = contents()


@pytest.mark.parametrize("what", CONTENTS)
def test_what_is_no_checkpoint_is_refused_by_name(tmp_path: Path, what: str) -> None:
    path = tmp_path / "epoch-000001.safetensors"
    path.write_bytes(CONTENTS[what])
    with refuses(str(path)):
        load_weights(path)
    with refuses(str(path)):
        load_resume(path)


@pytest.mark.parametrize("asked", [{"num_classes": 10**9}, {"width": 100_000}])
def test_a_header_cannot_ask_for_more_memory_than_the_file_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, int]
) -> None:
    path = tmp_path / "epoch-000001.safetensors"
    save_weights(path, network(), replace(SPEC, **asked), {})
    made: list[str] = []

    def watched(spec: ModelSpec) -> nn.Module:
        made.append(torch.empty(0).device.type)
        return build_model(spec)

    monkeypatch.setattr(weights, "build_model", watched)
    with refuses("size mismatch for"):
        load_weights(path)
    assert made == ["meta"]


@pytest.mark.parametrize(
    "position",
    [
        "",
        "{}",
        "[]",
        "null",
        "3",
        '{"epoch": 1, "next_batch": 0}',
        '{"epoch": null, "next_batch": 0, "seconds": 0}',
        '{"epoch": "x", "next_batch": 0, "seconds": 0}',
        '{"epoch": Infinity, "next_batch": 0, "seconds": 0}',
        '{"epoch": NaN, "next_batch": 0, "seconds": 0}',
    ],
)
def test_a_resume_state_must_say_where_it_stood(tmp_path: Path, position: str) -> None:
    path = tmp_path / "resume.safetensors"
    path.write_bytes(save({"model/a": torch.zeros(1)}, {"format": "workbench-resume", "position": position}))
    with refuses(str(path)):
        load_resume(path)


@pytest.mark.parametrize("load", [load_weights, load_resume])
def test_a_missing_checkpoint_and_a_folder_are_refused(tmp_path: Path, load: Callable[[Path], Any]) -> None:
    with refuses("nowhere.safetensors"):
        load(tmp_path / "nowhere.safetensors")
    with refuses(str(tmp_path)):
        load(tmp_path)


def test_the_other_kind_is_refused(tmp_path: Path) -> None:
    model = network()
    weights, resumed = tmp_path / "w", tmp_path / "r"
    save_weights(weights, model, SPEC, {})
    save_resume(resumed, state(model, OPTIMIZERS["SGD"](model)))
    with refuses(str(weights)):
        load_resume(weights)
    with refuses(str(resumed)):
        load_weights(resumed)


@pytest.mark.parametrize(
    "save_one",
    [
        lambda path: save_weights(path, network(), SPEC, {}),
        lambda path: save_resume(path, state(network(), OPTIMIZERS["SGD"](network()))),
    ],
)
def test_checkpoints_are_written_atomically(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_one: Callable[[Path], None]
) -> None:
    with failing_fsync(old_file(tmp_path), monkeypatch) as path, pytest.raises(WorkbenchError, match="Input/output"):
        save_one(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def store_with(folder: Path, epochs: set[int], **settings: Any) -> CheckpointStore:
    store = CheckpointStore(folder, **({"keep_last": 3, "keep_best": True} | settings))
    store.directory.mkdir(parents=True, exist_ok=True)
    for path in store.directory.iterdir():
        path.unlink()
    for epoch in epochs:
        store.path(epoch).write_bytes(b"weights")
    return store


@given(st.sets(st.integers(0, 60), max_size=20), st.integers(1, 6), st.booleans(), st.none() | st.integers(0, 60))
def test_pruning_keeps_the_last_ones_and_the_best(
    tmp_path_factory: pytest.TempPathFactory, epochs: set[int], keep_last: int, keep_best: bool, best: int | None
) -> None:
    folder = tmp_path_factory.getbasetemp() / "store"
    store = store_with(folder, epochs, keep_last=keep_last, keep_best=keep_best)
    store.resume_path.write_bytes(b"state")
    store.prune(best)
    kept = set(sorted(epochs)[-keep_last:])
    if keep_best and best in epochs:
        kept.add(best)
    assert list(find_weights(folder)) == sorted(kept)
    assert store.resume_path.exists()


def test_weights_of_epochs_that_are_still_to_come_count_for_nothing(tmp_path: Path) -> None:
    store = store_with(tmp_path, set(range(8)), keep_last=2, keep_best=True)
    store.prune(1, last_epoch=4)
    assert store.kept() == (1, 3, 4, 5, 6, 7)


def test_weights_that_something_names_are_never_pruned(tmp_path: Path) -> None:
    store = store_with(tmp_path, set(range(8)), keep_last=1, keep_best=True)
    store.keep(2)
    store.keep(99)
    store.prune(4)
    store.prune(None)
    assert list(find_weights(tmp_path)) == [2, 7]
    assert find_weights(tmp_path)[2] == store.path(2)


def test_opening_makes_the_folder_and_clears_what_a_killed_process_left(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "run", keep_last=1, keep_best=True)
    assert find_weights(tmp_path / "run") == {}
    store.open()
    leftover = store.directory / ".epoch-000003.safetensors.4711.tmp"
    leftover.write_bytes(b"half")
    store.path(3).write_bytes(b"whole")
    store.open()
    assert names(store.directory) == ["epoch-000003.safetensors"]


def test_file_names_are_those_of_the_contract_and_foreign_files_stay(tmp_path: Path) -> None:
    store = store_with(tmp_path, {0, 12, 1_234_567}, keep_last=1, keep_best=False)
    expected = ["epoch-000000.safetensors", "epoch-000012.safetensors", "epoch-1234567.safetensors"]
    assert names(tmp_path / "checkpoints") == expected
    assert store.resume_path == tmp_path / "checkpoints" / "resume.safetensors"
    foreign = {
        "notes.txt",
        "best.safetensors",
        "epoch-12.safetensors",
        "epoch-000003.safetensors.bak",
        "resume.safetensors",
    }
    for name in foreign:
        (tmp_path / "checkpoints" / name).write_bytes(b"mine")
    assert list(find_weights(tmp_path)) == [0, 12, 1_234_567]
    store.prune(0)
    assert set(names(tmp_path / "checkpoints")) == foreign | {expected[-1]}
