"""Measured problems without a table of every setting, as functions: a model learned from all their data answers.

The data are those of Olympus (F. Häse et al., Mach. Learn.: Sci. Technol. 2021, 2, 035021): NAME_config.json with the
parameters and goals, NAME_data.csv without a header. The model is an ensemble of small neural networks with fixed seeds
and the same settings for every problem. Their last layer is a sigmoid over the measured range, so that they answer
nothing that was never seen, and have no plateaus or steps. What is found here is the model's optimum, not nature's;
its R2 says how well the model predicts data that it did not see.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.optimize_figures import hypervolume
from benchmarks.optimize_problem import BadProblem, Goal, Problem, Values, replay, uniform
from knowledge.records.space import Category, Number, Option, Parameter, Setting, Space
from knowledge.sources.conditions_table import BadConditionsTable, Column, read_conditions

MEMBERS, WIDTH, STEPS, FOLDS = 5, 32, 1000, 5
_DRAWS = 20_000  # in the search for the optimum
_CLIMBS = 64
_WEIGHTS = 11  # of the two goals, on the way to the best front


@dataclass(frozen=True)
class Networks:
    """`members` networks of two hidden layers side by side; inputs (n, d), outputs 0 to 1 (n, m)."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(members, n, m)"""
        h = x.expand(len(self.layers[0][0]), *x.shape)
        for weight, bias in self.layers[:-1]:
            h = torch.tanh(torch.baddbmm(bias, h, weight))
        return torch.sigmoid(torch.baddbmm(self.layers[-1][1], h, self.layers[-1][0]))

    def mean(self, x: torch.Tensor) -> torch.Tensor:
        return self(x).mean(dim=0)


def train(x: torch.Tensor, y: torch.Tensor, *, seed: int) -> Networks:
    """On inputs (n, d) and values 0 to 1 (n, m); the same networks for the same input and seed."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for a, b in ((x.shape[1], WIDTH), (WIDTH, WIDTH), (WIDTH, y.shape[1])):
        weight = torch.randn(MEMBERS, a, b, generator=generator, dtype=x.dtype) / a**0.5
        layers.append((weight.requires_grad_(), torch.zeros(MEMBERS, 1, b, dtype=x.dtype, requires_grad=True)))
    networks = Networks(tuple(layers))
    every = [t for layer in layers for t in layer]
    optimizer = torch.optim.AdamW(every, lr=0.01, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((networks(x) - y) ** 2).mean(dim=(1, 2)).sum().backward()
        optimizer.step()
        schedule.step()
    return Networks(tuple((weight.detach(), bias.detach()) for weight, bias in layers))


def inputs(space: Space, settings: Sequence[Setting]) -> torch.Tensor:
    """Numbers from -1 to 1 between their bounds, categories one-hot."""
    columns: list[list[float]] = []
    for p in space.parameters:
        if isinstance(p, Category):
            columns += [[float(s[p.name] == o.name) for s in settings] for o in p.options]
        else:
            low, high = p.bounds
            columns.append([2.0 * (float(s[p.name]) - low) / (high - low) - 1.0 for s in settings])
    return torch.tensor(columns, dtype=torch.float64).T


def olympus(folder: Path, name: str, *, goals: Sequence[Goal] = ()) -> Problem:
    """`goals`: instead of those of the configuration. A problem of categories alone is replayed from its table where
    that is complete. Raises BadProblem and OSError.
    """
    config_file, data_file = folder / f"{name}_config.json", folder / f"{name}_data.csv"
    if not config_file.exists():
        known = ", ".join(sorted(path.name.removesuffix("_config.json") for path in folder.glob("*_config.json")))
        raise BadProblem(f"there is no problem '{name}' in {folder}; there are: {known or 'none'}")
    config = json.loads(config_file.read_text())
    parameters = tuple(_parameter(p) for p in config["parameters"])
    outcomes = [m["name"] for m in config["measurements"]]
    directions = config["default_goal"] if isinstance(config["default_goal"], list) else [config["default_goal"]]
    chosen = tuple(goals) or tuple(Goal(o, d == "maximize") for o, d in zip(outcomes, directions, strict=True))
    if unknown := [goal.outcome for goal in chosen if goal.outcome not in outcomes]:
        raise BadProblem(f"'{name}' has no outcome '{unknown[0]}'; it has: {', '.join(outcomes)}")
    try:
        table = read_conditions(
            data_file,
            parameters={
                p.name: Column(kind="category") if isinstance(p, Category) else Column(kind="number")
                for p in parameters
            },
            outcomes=[goal.outcome for goal in chosen],
            columns=[p.name for p in parameters] + outcomes,
        )
    except BadConditionsTable as error:
        raise BadProblem(str(error)) from None
    rows = tuple(trial.setting for trial in table.trials)
    values = np.array([[trial.values[goal.outcome] for goal in chosen] for trial in table.trials])
    about = {
        "olympus": name,
        "data_sha256": table.file_sha256,
        "config_sha256": hashlib.sha256(config_file.read_bytes()).hexdigest(),
        "settings": len(rows),
    }
    if all(isinstance(p, Category) for p in parameters):
        return replay(name, table.measured, chosen, rows, values, {**about, "model": "none: the table is replayed"})
    return emulate(name, Space(parameters=parameters), chosen, rows, values, about)


def emulate(
    name: str, space: Space, goals: tuple[Goal, ...], rows: Sequence[Setting], values: Values, about: dict[str, Any]
) -> Problem:
    """A problem answered by networks learned from `values` (n, m) at `rows`."""
    low, high = values.min(axis=0), values.max(axis=0)
    if (low == high).any():
        raise BadProblem(f"{name}: all results are equal, so there is nothing to find")
    x, y = inputs(space, rows), torch.from_numpy((values - low) / (high - low))
    networks = train(x, y, seed=0)
    signs = np.array([goal.sign for goal in goals])
    best, volume = _best(space, networks, torch.from_numpy(signs))
    worst = np.where(signs > 0, 0.0, 1.0)

    def measure(settings: Sequence[Setting]) -> Values:
        return np.asarray(low + (high - low) * networks.mean(inputs(space, settings)).numpy())

    front = (best - worst) * signs
    return Problem(
        name=name,
        space=space,
        goals=goals,
        rows=(),
        measure=measure,
        best=tuple((low + (high - low) * best).tolist()),
        worst=tuple((low + (high - low) * worst).tolist()),
        volume=volume / float(front.prod()) if len(goals) > 1 else 1.0,
        about={
            **about,
            "model": f"{MEMBERS} networks of 2 x {WIDTH} tanh, sigmoid over the measured range, {STEPS} steps, seed 0",
        },
        r2=validated(x, y),
    )


def validated(x: torch.Tensor, y: torch.Tensor) -> tuple[float, ...]:
    """Coefficient of determination of each goal by cross-validation in five parts, which are drawn with seed 0."""
    part = np.random.default_rng(0).permutation(len(x)) % FOLDS
    predicted = torch.empty_like(y)
    for fold in range(FOLDS):
        out = torch.from_numpy(part == fold)
        predicted[out] = train(x[~out], y[~out], seed=0).mean(x[out])
    left = ((predicted - y) ** 2).sum(dim=0) / ((y - y.mean(dim=0)) ** 2).sum(dim=0)
    return tuple(round(1.0 - share, 3) for share in left.tolist())


def _best(space: Space, networks: Networks, signs: torch.Tensor) -> tuple[Values, float]:
    """The best output of each goal that was found, (m,) from 0 to 1; and, for two goals, the hypervolume of all that
    was found above the worst, in those units. Many random settings, and from the best of them uphill by gradient, for
    every weighing of the goals.
    """
    generator = np.random.default_rng(0)
    x = inputs(space, [uniform(space, generator) for _ in range(_DRAWS)])
    free, place = [], 0
    for p in space.parameters:
        wide = len(p.options) if isinstance(p, Category) else 1
        free += [not isinstance(p, Category)] * wide
        place += wide
    movable = torch.tensor(free)
    gains = [_gain(networks.mean(x), signs)]
    count = len(signs)
    weighings = (
        torch.ones(1, 1, dtype=x.dtype)
        if count == 1
        else torch.stack([torch.tensor([w, 1.0 - w], dtype=x.dtype) for w in np.linspace(0.0, 1.0, _WEIGHTS)])
    )
    for weighing in weighings:
        at = x[torch.topk(gains[0] @ weighing, _CLIMBS).indices].clone().requires_grad_()
        optimizer = torch.optim.Adam([at], lr=0.02)
        for _ in range(300):
            optimizer.zero_grad()
            (-(_gain(networks.mean(at), signs) @ weighing)).sum().backward()
            assert at.grad is not None
            at.grad[:, ~movable] = 0.0
            optimizer.step()
            with torch.no_grad():
                at[:, movable] = at[:, movable].clamp(-1.0, 1.0)
        gains.append(_gain(networks.mean(at.detach()), signs))
    found = torch.cat(gains).numpy()
    top = found.max(axis=0)
    best = np.where(signs.numpy() > 0, top, 1.0 - top)
    return best, hypervolume(found) if count > 1 else 1.0


def _gain(outputs: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    """0 at the worst measured, 1 at the best measured."""
    return torch.where(signs > 0, outputs, 1.0 - outputs)


def _parameter(p: dict[str, Any]) -> Parameter:
    if p["type"] == "categorical":
        return Category(name=p["name"], options=tuple(Option(name=o) for o in p["options"]))
    if p["type"] != "continuous":
        raise BadProblem(f"'{p['name']}' is {p['type']}, which is not read")
    return Number(name=p["name"], unit="dimensionless", low=float(p["low"]), high=float(p["high"]))
