"""Which model is used for a property: all are cross-validated, all results are published, the best is fitted again.

Cross-validation serves three ends: it ranks the models, its residuals calibrate the intervals, and its table is the
evidence. So an honest test of the result needs molecules that `select` never saw (nested cross-validation;
G. C. Cawley, N. L. C. Talbot, J. Mach. Learn. Res. 11 (2010) 2079).

With `BOTH`, every model is tested on scaffold folds (chemistry it has not seen) and on random folds (more of what it
has seen). Who designs molecules needs the first, who fills the gaps of a series the second; a model that is bad at the
first fails unseen, so the scaffold folds decide. They decide little on small tables, where a few scaffolds make the
standard error large: what they leave undecided, the random folds decide, and simplicity what both leave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knowledge.qspr.conformal import Calibrator
from knowledge.qspr.contract import Fitted, Model, Samples, Stored
from knowledge.qspr.domain import Domain, Neighbour
from knowledge.qspr.splits import SplitKind, k_fold
from knowledge.qspr.trials import (
    NoModel,
    Trial,
    Unseen,
    calibrate,
    contenders,
    familiarity,
    validate,
)

FOLDS = 5
LEVEL = 0.9
BOTH = "both"
OnProgress = Callable[[int, int, str, str], None]
"""Steps done, steps in all, the model under way and what is done with it."""


@dataclass(frozen=True)
class Prediction:
    """Of one molecule, on the model scale: `low` to `high` holds a measured value with probability `level`; `epistemic`
    and `noise` as in Belief; `reason` says why it is out of the domain; `neighbours`, the nearest training molecules.
    """

    smiles: str
    mean: float
    epistemic: float
    noise: float
    low: float
    high: float
    level: float
    in_domain: bool
    reason: str
    similarity: float
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Selected:
    """The chosen model fitted on all samples, with its calibrator, its domain and the table of all that were tried.

    A line of the table has a model's name, version and the figures of `Trial.published`: those of the split that
    decides at the top, those of every split under `splits`. `split`: a `SplitKind`, or `BOTH`.
    """

    model: str
    version: str
    fitted: Fitted
    calibrator: Calibrator
    domain: Domain
    table: tuple[dict[str, Any], ...]
    split: str
    seed: int

    def predict(self, smiles: Sequence[str], *, level: float = LEVEL, neighbours: int = 3) -> list[Prediction]:
        """Raises InvalidMolecule, and ValueError for a level outside (0, 1)."""
        if not smiles:
            return []
        belief = self.fitted.predict(smiles)
        places = self.domain.place(smiles, neighbours=neighbours)
        similarity = np.array([p.similarity for p in places])
        new = np.array([p.new_scaffold for p in places])
        low, high = self.calibrator.interval(belief.mean, belief.total, similarity, new, level)
        return [
            Prediction(
                smiles=s,
                mean=float(belief.mean[i]),
                epistemic=float(belief.epistemic[i]),
                noise=float(belief.noise[i]),
                low=float(low[i]),
                high=float(high[i]),
                level=level,
                in_domain=places[i].in_domain,
                reason=places[i].reason,
                similarity=places[i].similarity,
                neighbours=places[i].neighbours,
            )
            for i, s in enumerate(smiles)
        ]

    def stored(self) -> Stored:
        """Model, calibrator, training data, split and table as one set of settings and arrays."""
        inner = self.fitted.stored()
        samples = self.domain.samples
        settings = {
            "model": self.model,
            "version": self.version,
            "settings": dict(inner.settings),
            "calibrator": self.calibrator.to_dict(),
            "domain": self.domain.to_dict(),
            "smiles": list(samples.smiles),
            "data_hash": samples.data_hash,
            "table": [dict(row) for row in self.table],
            "split": self.split,
            "seed": self.seed,
        }
        arrays = {f"model.{name}": array for name, array in inner.arrays.items()}
        return Stored(settings, {**arrays, "values": samples.values, "variances": samples.variances})

    @staticmethod
    def restore(stored: Stored, models: Sequence[Model]) -> Selected:
        """Raises ValueError when its model is not among `models`, is of another version, or the data do not belong."""
        state = stored.settings
        model = next((m for m in models if m.name == state["model"]), None)
        if model is None or model.version != state["version"]:
            present = f"this program has {model.version}" if model else "this program has no such model"
            raise ValueError(f"the stored model is {state['model']} {state['version']}; {present}; fit again")
        samples = Samples(tuple(state["smiles"]), stored.arrays["values"], stored.arrays["variances"])
        if samples.data_hash != state["data_hash"]:
            raise ValueError("the stored training data do not match their hash")
        arrays = {name.removeprefix("model."): a for name, a in stored.arrays.items() if name.startswith("model.")}
        return Selected(
            model=model.name,
            version=model.version,
            fitted=model.restore(Stored(state["settings"], arrays)),
            calibrator=Calibrator.from_dict(state["calibrator"]),
            domain=Domain.restore(state["domain"], samples),
            table=tuple(dict(row) for row in state["table"]),
            split=str(state["split"]),
            seed=int(state["seed"]),
        )


def select(
    models: Sequence[Model],
    samples: Samples,
    *,
    seed: int,
    split: SplitKind | str = SplitKind.SCAFFOLD,
    folds: int = FOLDS,
    on_progress: OnProgress | None = None,
) -> Selected:
    """Cross-validates every model, chooses one and fits it on all samples. `models`: the simplest first. `split`: one
    kind, or `BOTH` scaffold and random folds; then the choice is as the module says, and intervals are calibrated on
    both (see `calibrate`).

    Raises NoModel when none can be fitted, ValueError for fewer than 2 samples, no models or an unknown split.
    """
    kinds = (SplitKind.SCAFFOLD, SplitKind.RANDOM) if split == BOTH else (SplitKind(split),)
    parts = {kind: k_fold(samples.smiles, kind, seed=seed, count=folds) for kind in kinds}
    steps = sum(map(len, parts.values())) * len(models) + 1
    done = 0

    def tell(model: str, note: str, *, more: int = 0) -> None:
        nonlocal done
        done += more
        if on_progress is not None:
            on_progress(done, steps, model, note)

    def watch(model: str, kind: SplitKind) -> Callable[[str], None]:
        return lambda note: tell(model, f"{kind} {note}", more=1)

    trials: dict[SplitKind, list[Trial]] = {kind: [] for kind in kinds}
    for kind in kinds:
        familiar = familiarity(samples, parts[kind])
        for model in models:
            tell(model.name, f"{kind} folds")
            before = done
            trials[kind].append(
                validate(model, samples, parts[kind], familiar, seed=seed, on_fold=watch(model.name, kind))
            )
            done = before + len(parts[kind])  # of a model that failed, too
    chosen = _choose(trials, samples, seed=seed)
    model = models[chosen]
    tell(model.name, "fitted on all molecules")
    selected = Selected(
        model=model.name,
        version=model.version,
        fitted=model.fit(samples, seed=seed),
        calibrator=_calibrated([trials[kind][chosen].unseen for kind in kinds], samples),
        domain=Domain.of(samples),
        table=tuple(_line(model, {kind: trials[kind][i] for kind in kinds}) for i, model in enumerate(models)),
        split=str(split),
        seed=seed,
    )
    tell(model.name, "chosen", more=1)
    return selected


def _calibrated(unseen: Sequence[Unseen | None], samples: Samples) -> Calibrator:
    """Raises NoModel for a trial without predictions; a chosen model's has them."""
    made = [u for u in unseen if u is not None]
    if not made:
        raise NoModel("the chosen model made no predictions")
    return calibrate(made[0], samples, interpolated=made[1] if len(made) > 1 else None)


def _line(model: Model, trials: Mapping[SplitKind, Trial]) -> dict[str, Any]:
    of_split = {kind.value: trial.published() for kind, trial in trials.items()}
    first = next(iter(of_split.values()))
    seconds = round(sum(trial.seconds for trial in trials.values()), 3)
    failure = next((trial.failure for trial in trials.values() if trial.failure), "")
    named = {"model": model.name, "version": model.version}
    return named | first | {"seconds": seconds, "failure": failure, "splits": of_split}


def _choose(trials: Mapping[SplitKind, Sequence[Trial]], samples: Samples, *, seed: int) -> int:
    """The first split's contenders go on to the second one. Raises NoModel."""
    left: list[int] | None = None
    for kind, of_kind in trials.items():
        left = contenders(of_kind, samples, kind, seed=seed, among=left)
    if not left:
        raise NoModel("no model was tried")
    return left[0]
