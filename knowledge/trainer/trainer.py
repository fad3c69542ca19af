"""A network, AdamW, averaged weights and the clock, as one thing that can be saved at any step and gone on with."""

from __future__ import annotations

import ctypes
import math
import os
import time
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


def keep_memory() -> None:
    """Let glibc keep freed blocks: returning each tensor to the system costs more time than computing it."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 1 << 28)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            libc.mallopt(option, value)


class Trainer:
    """The learning rate warms up and then falls along half a cosine over the budget of time, not of epochs.

    minutes: the budget, on the wall clock, summed over interruptions.
    peak: highest learning rate.  warm: steps up to it.  decay: weight decay of matrices; vectors have none.
    clip: largest norm of the gradient.  average: share that the averaged weights keep at each step.
    `step`, `elapsed` (seconds) and `epoch` survive `store` and `restore`; `epoch` is the caller's to count.
    """

    def __init__(
        self,
        model: nn.Module,
        minutes: float,
        *,
        peak: float = 1e-3,
        warm: int = 400,
        decay: float = 0.02,
        clip: float = 1.0,
        average: float = 0.999,
        betas: tuple[float, float] = (0.9, 0.98),
    ) -> None:
        self.model, self.budget = model, minutes * 60
        self._peak, self._warm, self._clip, self._keep = peak, warm, clip, average
        vectors = [p for p in model.parameters() if p.ndim < 2]
        matrices = [p for p in model.parameters() if p.ndim >= 2]
        groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=peak, betas=betas, fused=True)
        self.average = {k: v.detach().clone() for k, v in model.named_parameters()}
        self.step, self.elapsed, self.epoch = 0, 0.0, 0
        self._clock = time.monotonic()

    @property
    def over(self) -> bool:
        return self.elapsed >= self.budget

    def rate(self) -> float:
        done = min(1.0, self.elapsed / self.budget)
        rise = min(1.0, (self.step + 1) / self._warm)
        return self._peak * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    def update(self, loss: Tensor) -> None:
        """One step down the gradient of the scalar `loss`; the clock goes on."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self._clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step += 1
        keep = min(self._keep, (1 + self.step) / (10 + self.step))
        now = dict(self.model.named_parameters())
        torch._foreach_lerp_(list(self.average.values()), [now[k].detach() for k in self.average], 1 - keep)
        self.tick()

    def tick(self) -> None:
        """Count the time since the last step or tick."""
        now = time.monotonic()
        self.elapsed, self._clock = self.elapsed + now - self._clock, now

    def store(self, path: Path) -> None:
        """Everything that `restore` needs, in one file that appears whole."""
        tensors = {f"average.{k}": v for k, v in self.average.items()}
        for name, parameter in self.model.named_parameters():
            tensors[f"model.{name}"] = parameter.detach()
            for key, value in self.optimiser.state[parameter].items():
                tensors[f"{key}.{name}"] = value
        notes = {"step": self.step, "elapsed": self.elapsed, "epoch": self.epoch}
        scratch = path.with_suffix(f".{os.getpid()}")
        save_file(tensors, scratch, metadata={k: str(v) for k, v in notes.items()})
        scratch.replace(path)

    def restore(self, path: Path) -> None:
        """Raises FileNotFoundError, and KeyError when the file is of another network."""
        tensors = load_file(path)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(tensors[f"model.{name}"])
                self.average[name].copy_(tensors[f"average.{name}"])
                kept = {k: f"{k}.{name}" for k in ("step", "exp_avg", "exp_avg_sq")}
                if kept["step"] in tensors:  # a parameter without a gradient so far has no state
                    self.optimiser.state[parameter] = {k: tensors[v].clone() for k, v in kept.items()}
        notes = checkpoint_notes(path)
        self.step, self.elapsed, self.epoch = int(notes["step"]), float(notes["elapsed"]), int(notes["epoch"])
        self._clock = time.monotonic()


def averaged(path: Path) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint, by parameter name."""
    return {k.removeprefix("average."): v for k, v in load_file(path).items() if k.startswith("average.")}


def checkpoint_notes(path: Path) -> dict[str, str]:
    """Steps, seconds and epochs that went into a checkpoint."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata())
