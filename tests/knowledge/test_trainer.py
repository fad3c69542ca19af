"""Trainings that are cut off go on as if they had not been; data comes out of wheels whole or not at all."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from knowledge.trainer.trainer import Trainer, averaged, checkpoint_notes
from knowledge.trainer.wheels import fetched

# Boiling points in K of methane to octane, from the atoms of carbon: something that can be learned.
CARBONS = torch.arange(1.0, 9.0).unsqueeze(1)
BOILING = torch.tensor([111.7, 184.6, 231.0, 272.7, 309.2, 341.9, 371.5, 398.8]).unsqueeze(1) / 100


def _network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))


def _steps(trainer: Trainer, network: nn.Module, count: int) -> None:
    for _ in range(count):
        trainer.update(((network(CARBONS / 8) - BOILING) ** 2).mean())


def _trainer(network: nn.Module) -> Trainer:
    return Trainer(network, minutes=1e6, peak=1e-2, warm=5)


def test_going_on_from_a_checkpoint_is_the_same_as_not_stopping(tmp_path: Path) -> None:
    whole = _network()
    trainer = _trainer(whole)
    _steps(trainer, whole, 60)

    first = _network()
    begun = _trainer(first)
    _steps(begun, first, 25)
    begun.store(tmp_path / "checkpoint.safetensors")
    second = _network()
    gone_on = _trainer(second)
    gone_on.restore(tmp_path / "checkpoint.safetensors")
    _steps(gone_on, second, 35)

    assert gone_on.step == 60
    for a, b in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    for name, value in trainer.average.items():
        assert torch.allclose(value, gone_on.average[name], atol=1e-6)


def test_training_learns_and_its_average_is_kept(tmp_path: Path) -> None:
    network = _network()
    before = float(((network(CARBONS / 8) - BOILING) ** 2).mean().detach())
    trainer = _trainer(network)
    _steps(trainer, network, 300)
    path = tmp_path / "checkpoint.safetensors"
    trainer.store(path)
    smooth = _network()
    smooth.load_state_dict(averaged(path))
    assert float(((smooth(CARBONS / 8) - BOILING) ** 2).mean().detach()) < before / 20
    assert checkpoint_notes(path)["step"] == "300"


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    network = _network()
    trainer = _trainer(network)
    _steps(trainer, network, 1)
    trainer.store(tmp_path / "checkpoint.safetensors")
    other = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 16), nn.Linear(16, 1))
    with pytest.raises((KeyError, RuntimeError)):
        _trainer(other).restore(tmp_path / "checkpoint.safetensors")


def _wheel(folder: Path) -> Path:
    path = folder / "alkanes-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("alkanes/data.csv", "C\nCC\nCCC\n")
        wheel.writestr("alkanes-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: alkanes\nVersion: 1.0\n")
        wheel.writestr("alkanes-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("alkanes-1.0.dist-info/RECORD", "")
    return path


def test_members_of_a_wheel_arrive_under_their_names_and_once(tmp_path: Path) -> None:
    wheel = _wheel(tmp_path)
    home = fetched(str(wheel), {"alkanes.csv": "alkanes/data.csv"}, tmp_path / "data" / "alkanes")
    assert (home / "alkanes.csv").read_text() == "C\nCC\nCCC\n"
    wheel.unlink()
    assert fetched(str(wheel), {"alkanes.csv": "alkanes/data.csv"}, home) == home


def test_a_member_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"has no file alkanes/more.csv"):
        fetched(
            str(_wheel(tmp_path)), {"a.csv": "alkanes/data.csv", "b.csv": "alkanes/more.csv"}, tmp_path / "data" / "x"
        )
    assert not (tmp_path / "data" / "x").exists()
