"""The latent generator: molecules decoded from points that Bayesian optimisation chooses, behind ask/tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.molecule import InvalidMolecule, Molecule
from planners.design.filters.pipeline import FilterReport, Filters
from planners.design.generator import CannotServe, Evaluated, State, StateMismatch
from planners.design.latent.drafts import Draft, around, cold
from planners.design.latent.sampling import Array, LatentSpace
from planners.design.latent.search import Radius, chosen, scalarised
from planners.design.space import DesignSpace

_VERSION = 1
_ENOUGH = 12  # told molecules with points from which processes are fitted; before, what is near known ones
_BEST, _LATEST = 200, 100  # told molecules that the processes look at
_CENTRES = 12  # best molecules that a cloud lies around
_POINTS, _POINTS_LEAST, _POINTS_MOST = 4, 160, 800  # decoded by molecule asked for, and limits of it by cloud
_CLOUDS = 12  # after which fewer molecules are given than were asked for
_WIDER = 1.2  # each cloud than the one before
_TRIALS = 2_000  # decoded points of which one at least has to fit the space
_REMEMBERED = 20_000  # points of molecules
_DIGITS = 4  # of a point in the provenance


@dataclass(frozen=True)
class _New:
    """A molecule that passed the filters, and where it came from."""

    molecule: Molecule
    draft: Draft


class LatentGenerator:
    """Cold, it decodes points near known molecules and points of the prior; told scores, it optimises between points.

    start: known molecules to begin near, none of which is proposed; those that the autoencoder cannot write are
        passed over.  exclude: molecules never to propose.
    The autoencoder cannot be made to hold a substructure: what loses a locked one is filtered out. Raises CannotServe
    when of 2,000 molecules decoded from points near `start` and of the prior none is in the space.
    """

    def __init__(
        self,
        model: LatentSpace,
        space: DesignSpace,
        start: Iterable[str],
        *,
        seed: int,
        exclude: Iterable[str] = (),
        name: str = "latent",
    ) -> None:
        self._model, self.space, self._name = model, space, name
        self._filters = Filters(space)
        self._keys: dict[str, None] = {}  # first InChIKey blocks: what was asked, begun from, told or excluded
        self._points: dict[str, Array] = {}
        self._told: dict[str, Evaluated] = {}
        self._radius = Radius()
        self._start = [text for text in dict.fromkeys(start) if self._know(text)]
        for text in exclude:
            self._know(text)
        self.reseed(seed)
        self._try()

    @property
    def name(self) -> str:
        return self._name

    def filter_report(self) -> FilterReport:
        """What was decoded and dropped since the start, by filter."""
        return self._filters.report()

    def ask(self, n: int) -> list[Candidate]:
        found: list[_New] = []
        for turn in range(_CLOUDS):
            if len(found) >= n:
                break
            wanted = n - len(found)
            rng = self._stream()
            # A cloud that gave too few was too small: what lies nearest is known by now.
            radius = self._radius.size * _WIDER**turn
            for new in self._picked(self._cloud(wanted, radius, rng), wanted, rng):
                self._keys[new.molecule.connectivity] = None
                found.append(new)
        return [self._candidate(new) for new in found]

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        """Molecules that the autoencoder cannot write are remembered as known, and teach nothing."""
        before = self._top()
        for item in evaluated:
            if self._know(item.smiles) and np.isfinite((item.score, *item.objectives)).all():
                self._told[item.smiles] = item
        after = self._top()
        if before is not None and after is not None:
            self._radius = self._radius.after(after > before)

    def reseed(self, seed: int) -> None:
        self._seed, self._turn = seed, 0

    def state(self) -> State:
        return {
            "generator": "latent",
            "version": _VERSION,
            "space": self.space.sha256,
            "weights": self._model.digest,
            "seed": self._seed,
            "turn": self._turn,
            "radius": self._radius.size,
            "start": self._start,
            "told": [item.model_dump(mode="json") for item in self._told.values()],
            "keys": list(self._keys),
            "filters": self._filters.report().model_dump(mode="json"),
        }

    def restore(self, state: State) -> None:
        if state.get("generator") != "latent" or state.get("version") != _VERSION:
            raise StateMismatch(f"not the state of a latent generator of version {_VERSION}")
        if state["space"] != self.space.sha256:
            raise StateMismatch("the state was made in another design space")
        if state["weights"] != self._model.digest:
            raise StateMismatch("the state was made with other weights, whose points mean other molecules")
        self._seed, self._turn = int(state["seed"]), int(state["turn"])
        self._radius = Radius(float(state["radius"]))
        self._start = list(state["start"])
        told = [Evaluated.model_validate(item) for item in state["told"]]
        self._told = {item.smiles: item for item in told}
        self._keys = dict.fromkeys(state["keys"])
        self._filters.restore(FilterReport.model_validate(state["filters"]))

    def _stream(self) -> np.random.Generator:
        """The next stream of random numbers: seed and turn say all about it."""
        self._turn += 1
        return np.random.Generator(np.random.PCG64([self._seed, self._turn]))

    def _know(self, smiles: str) -> bool:
        """Never propose this molecule; whether it has a point."""
        try:
            self._keys[Molecule.from_smiles(smiles).connectivity] = None
        except InvalidMolecule:
            return False
        return self._model.writable(smiles)

    def _point(self, smiles: str) -> Array:
        point = self._points.get(smiles)
        if point is None:
            if len(self._points) >= _REMEMBERED:
                self._points.clear()
            point = self._points[smiles] = self._model.encode((smiles,))[0][0]
        return point

    def _top(self) -> float | None:
        return max((item.score for item in self._told.values() if item.feasible), default=None)

    def _try(self) -> None:
        """Raises CannotServe when nothing that is decoded fits the space."""
        for _ in range(0, _TRIALS, _POINTS_LEAST):
            if self._new(cold(self._model, self._start, self._point, _POINTS_LEAST, self._stream())):
                return
        report = self._filters.report()
        most = max(sorted(report.dropped), key=lambda reason: report.dropped[reason], default="syntax:unreadable")
        needed = (*self.space.locked, *self.space.required)
        held = f" with {' and '.join(needed)} in it" if needed else ""
        raise CannotServe(
            f"of {report.examined} molecules that the autoencoder decoded none is in the space{held}; most were "
            f"dropped by {most}. It cannot be made to keep a substructure: give start molecules of the space, or use "
            "the genetic generator, which never edits what is locked"
        )

    def _cloud(self, wanted: int, radius: float, rng: np.random.Generator) -> list[_New]:
        """New molecules of which `wanted` may be picked."""
        count = min(max(_POINTS * wanted, _POINTS_LEAST), _POINTS_MOST)
        if len(self._told) < _ENOUGH:
            return self._new(cold(self._model, self._start, self._point, count, rng))
        return self._new(around(self._model, self._centres(rng), self._point, radius, count, rng))

    def _new(self, drafts: Sequence[Draft]) -> list[_New]:
        """What the drafts decode to, less what the filters drop and what is known; the first of equal ones."""
        decoded: dict[str, Draft] = {}
        for draft, text in zip(drafts, self._model.decode(np.stack([d.point for d in drafts])), strict=True):
            if text is not None:
                decoded.setdefault(text, draft)
        found: dict[str, _New] = {}
        for smiles, draft in decoded.items():
            if self._filters.verdict(smiles, Chem.MolFromSmiles(smiles)) is not None:
                continue
            try:
                molecule = Molecule.from_smiles(smiles)
            except InvalidMolecule:
                continue  # without an InChIKey nothing could recognise it again
            key = molecule.connectivity
            if key not in self._keys and key not in found and self._model.writable(molecule.smiles):
                found[key] = _New(molecule, draft)
        return list(found.values())

    def _picked(self, cloud: Sequence[_New], wanted: int, rng: np.random.Generator) -> list[_New]:
        if len(self._told) < _ENOUGH or not cloud:
            return list(cloud[:wanted])
        looked_at = self._looked_at()
        points = np.stack([self._point(item.smiles) for item in looked_at])
        values, feasible = _worth(looked_at)
        offered = np.stack([self._point(new.molecule.smiles) for new in cloud])
        return [cloud[row] for row in chosen(points, values, feasible, offered, min(wanted, len(cloud)), rng)]

    def _looked_at(self) -> list[Evaluated]:
        """The best and the latest of what was told."""
        told = list(self._told.values())
        best = sorted(told, key=lambda item: (not item.feasible, -item.score, item.smiles))[:_BEST]
        return list({item.smiles: item for item in (*best, *told[-_LATEST:])}.values())

    def _centres(self, rng: np.random.Generator) -> list[str]:
        """Of the feasible (all, where none is), the best under one draw of the goals' weights after the other."""
        told = list(self._told.values())
        free = [item for item in told if item.feasible] or told
        values, _ = _worth(free)
        low, high = values.min(0), values.max(0)
        goals = (values - low) / np.where(high > low, high - low, 1.0)
        left = np.ones(len(free), dtype=np.bool_)
        centres = []
        for weights in rng.dirichlet(np.ones(values.shape[1]), size=min(_CENTRES, len(free))):
            row = int(np.where(left, scalarised(goals, weights), -np.inf).argmax())
            left[row] = False
            centres.append(free[row].smiles)
        return centres

    def _candidate(self, new: _New) -> Candidate:
        return Candidate(
            molecule=new.molecule,
            provenance=Provenance(
                generator=self._name,
                operator=new.draft.operator,
                parents=new.draft.parents,
                latent=tuple(round(float(x), _DIGITS) for x in new.draft.point),
            ),
        )


def _worth(told: Sequence[Evaluated]) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Values (n, k) and feasibility (n,): the goals where every molecule has them, else the scores."""
    feasible = np.array([item.feasible for item in told], dtype=np.bool_)
    goals = {len(item.objectives) for item in told}
    if goals != {0} and len(goals) == 1:
        return np.array([item.objectives for item in told], dtype=np.float64), feasible
    return np.array([[item.score] for item in told], dtype=np.float64), feasible
