"""Molecules drawn in space behind ask/tell: asked for properties, and redrawn from the best that was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rdkit import Chem

from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.molecule import InvalidMolecule, Molecule
from planners.design.diffusion.drawing import Drawing, connected, molecule, placed, smiles_of
from planners.design.diffusion.fragments import first_in, terms
from planners.design.diffusion.geometry import checked, with_hydrogens, xyz
from planners.design.diffusion.network import MOST_ATOMS
from planners.design.diffusion.steering import lesson, wishes
from planners.design.diffusion.walking import Road, Settings, Walker, Wishes
from planners.design.diffusion.weights import Trained
from planners.design.diffusion.wishes import aim, possessed
from planners.design.filters.pipeline import FilterReport, Filters
from planners.design.generator import Evaluated, State, StateMismatch
from planners.design.problem import Problem

_VERSION = 1
# Operators. The number is the time that parents are noised back to: the later, the more of them is kept.
_ARMS: dict[str, float | None] = {"drawn": None, "redrawn 0.4": 0.4, "redrawn 0.6": 0.6, "redrawn 0.75": 0.75}
_PARENTS = 24  # the best told, of which relatives are drawn
_GOOD = 0.8  # quantile of the told scores that a child must pass to count for its operator
_ROUNDS = 12  # draws without enough new molecules after which fewer are given
_DRAWN_LEAST, _DRAWN_MOST = 24, 256  # molecules of one round
_STEPS = 30  # two in a hundred more drawings fail than with 50, for three fifths of the time
_RELAXED = 24  # of one request, how many geometries are relaxed with GFN2-xTB: each takes 0.1 to 0.3 s


@dataclass(frozen=True)
class Found:
    smiles: str
    mol: Chem.Mol
    molecule: Molecule
    arm: str
    parents: tuple[str, ...]


class DrawingGenerator:
    """Cold, it draws what the goals name, or anything; told scores, it learns which properties go with them, asks for
    those, and redraws the best. Which of its operators it uses follows from whose children did well.

    start: known molecules that relatives are drawn of until scores are told; none of them is proposed. Those with more
        than nine heavy atoms, other elements or charges are passed over, as are told ones.
    exclude: molecules never to propose.
    relax: of the first 24 molecules of each request, geometries are relaxed with GFN2-xTB; what breaks is not proposed,
        and the comment of each geometry says how far it moved, or that it was not checked.
    Raises CannotServe for spaces in which nothing can be drawn, and locks that cannot be held.
    """

    def __init__(
        self,
        trained: Trained,
        road: Road,
        problem: Problem,
        start: Iterable[str],
        *,
        seed: int,
        exclude: Iterable[str] = (),
        settings: Settings | None = None,
        relax: bool = True,
    ) -> None:
        self.problem, self._road = problem, road
        self._terms = terms(problem.space, trained.scales.length)
        self._walker = Walker(trained, road, settings or Settings(steps=_STEPS), self._terms)
        self._mean, self._std = (v.double().numpy() for v in (trained.scales.mean, trained.scales.std))
        self._aim = aim(problem, self._mean, self._std)
        self._filters = Filters(problem.space)
        self._relax = relax
        self._keys: dict[str, None] = {}  # first InChIKey blocks: what was asked, begun from, or excluded
        self._told: dict[str, Evaluated] = {}
        self._waiting: dict[str, str] = {}  # asked and not told yet: operator by SMILES
        self._credit = {arm: [1.0, 1.0] for arm in _ARMS}
        self._known: dict[str, tuple[Drawing | None, list[float]]] = {}
        self._start = [text for text in dict.fromkeys(start) if self._know(text)]
        for text in exclude:
            self._know(text)
        self.reseed(seed)

    @property
    def name(self) -> str:
        return self._road

    def filter_report(self) -> FilterReport:
        """What was drawn and dropped since the start, by filter; drawings that are no molecule are not counted."""
        return self._filters.report()

    def ask(self, n: int) -> list[Candidate]:
        made: list[Candidate] = []
        for _ in range(_ROUNDS):
            if len(made) >= n:
                break
            self._turn += 1
            rng = np.random.Generator(np.random.PCG64([self._seed, self._turn]))
            for found in self._round(n - len(made), rng):
                if len(made) >= n:
                    break
                candidate = self._candidate(found, len(made))
                if candidate is not None:
                    made.append(candidate)
        return made

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        fresh = []
        for item in evaluated:
            if self._know(item.smiles) and np.isfinite(item.score):
                smiles = Molecule.from_smiles(item.smiles).smiles
                self._told[smiles] = item.model_copy(update={"smiles": smiles})
                fresh.append(smiles)
        if not fresh:
            return
        bar = float(np.quantile([self._worth(item) for item in self._told.values()], _GOOD))
        for smiles in fresh:
            arm = self._waiting.pop(smiles, None)
            if arm is not None:
                self._credit[arm][0 if self._worth(self._told[smiles]) >= bar else 1] += 1.0

    def reseed(self, seed: int) -> None:
        self._seed, self._turn = seed, 0

    def state(self) -> State:
        return {
            "generator": self._road,
            "version": _VERSION,
            "space": self.problem.space.sha256,
            "seed": self._seed,
            "turn": self._turn,
            "told": [[t.smiles, t.score, t.feasible, list(t.objectives)] for t in self._told.values()],
            "keys": list(self._keys),
            "start": self._start,
            "waiting": self._waiting,
            "credit": self._credit,
            "filters": self._filters.report().model_dump(mode="json"),
        }

    def restore(self, state: State) -> None:
        if state.get("generator") != self._road or state.get("version") != _VERSION:
            raise StateMismatch(f"not the state of the generator '{self._road}' of version {_VERSION}")
        if state["space"] != self.problem.space.sha256:
            raise StateMismatch("the state was made in another design space")
        self._told = {
            smiles: Evaluated(smiles=smiles, score=score, feasible=feasible, objectives=tuple(objectives))
            for smiles, score, feasible, objectives in state["told"]
        }
        self._start, self._keys = list(state["start"]), dict.fromkeys(state["keys"])
        self._waiting = dict(state["waiting"])
        self._credit = {arm: list(state["credit"][arm]) for arm in _ARMS}
        self._seed, self._turn = int(state["seed"]), int(state["turn"])
        self._filters.restore(FilterReport.model_validate(state["filters"]))

    def _know(self, smiles: str) -> bool:
        """Never propose this molecule; whether it is one."""
        try:
            self._keys[Molecule.from_smiles(smiles).connectivity] = None
        except InvalidMolecule:
            return False
        return True

    @staticmethod
    def _worth(item: Evaluated) -> float:
        return item.score if item.feasible else item.score - 1e6

    def _round(self, wanted: int, rng: np.random.Generator) -> list[Found]:
        """New molecules of the space, in the order drawn."""
        count = min(_DRAWN_MOST, max(_DRAWN_LEAST, 2 * wanted))
        parents = self._parents()
        dice = torch.Generator().manual_seed(int(rng.integers(2**62)))
        asked = self._wishes(count, rng)
        arms = [self._arm(rng) if parents else "drawn" for _ in range(count)]
        found: list[Found] = []
        for arm, start in _ARMS.items():
            rows = [i for i, one in enumerate(arms) if one == arm]
            if not rows:
                continue
            wish = None if asked is None else asked.of(torch.tensor(rows))
            if start is None:
                space = self.problem.space
                least = max(space.min_heavy_atoms, self._terms.size + 1 if self._terms.size else 1)
                sizes = self._walker.sizes(len(rows), dice, least=least, most=min(MOST_ATOMS, space.max_heavy_atoms))
                drawings = self._walker.draw(sizes, dice, wish)
                origins: list[tuple[str, ...]] = [()] * len(rows)
            else:
                ranks = np.minimum(rng.geometric(2.0 / _PARENTS, size=len(rows)) - 1, _PARENTS - 1) % len(parents)
                chosen = [parents[int(k)] for k in ranks]
                drawings = self._walker.redraw([drawing for _, drawing in chosen], start, dice, wish)
                origins = [(smiles,) for smiles, _ in chosen]
            for drawing, origin in zip(drawings, origins, strict=True):
                new = self._accepted(drawing, arm, origin)
                if new is not None:
                    found.append(new)
        rng.shuffle(found)
        return found

    def _accepted(self, drawing: Drawing, arm: str, parents: tuple[str, ...]) -> Found | None:
        mol = molecule(drawing)
        if mol is None or not connected(mol):
            return None
        smiles = smiles_of(mol)
        known = Molecule.from_smiles(smiles)
        flat = Chem.MolFromSmiles(smiles)
        if known.connectivity in self._keys or self._filters.verdict(smiles, flat) is not None:
            return None
        self._keys[known.connectivity] = None
        return Found(smiles, mol, known, arm, parents)

    def _candidate(self, found: Found, place: int) -> Candidate | None:
        """None when the drawn bonds do not survive relaxation."""
        full = with_hydrogens(found.mol)
        comment = "as drawn, unchecked"
        if self._relax and place < _RELAXED:
            check = checked(full)
            if check.verdict == "changed":
                return None
            comment = f"as drawn, {check}"
        self._waiting[found.molecule.smiles] = found.arm
        return Candidate(
            molecule=found.molecule,
            provenance=Provenance(
                generator=self._road, operator=found.arm, parents=found.parents, geometry=xyz(full, comment)
            ),
        )

    def _arm(self, rng: np.random.Generator) -> str:
        """Thompson, on the chance that an operator's child is among the good."""
        return max(_ARMS, key=lambda arm: float(rng.beta(self._credit[arm][0], self._credit[arm][1])))

    def _wishes(self, n: int, rng: np.random.Generator) -> Wishes | None:
        told = list(self._told.values())
        if told:
            had = np.array([self._about(item.smiles)[1] for item in told])
            learnt = lesson(had, np.array([self._worth(item) for item in told]))
        else:
            had, learnt = np.zeros((0, len(self._mean))), None
        values, given = wishes(self._aim, had, learnt, n, rng)
        if not given.any():
            return None
        return Wishes(torch.from_numpy(values).float(), torch.from_numpy(given).float())

    def _parents(self) -> list[tuple[str, Drawing]]:
        """The best told that can be redrawn, best first; before any is told, what was begun from."""
        ranked = sorted(self._told.values(), key=lambda item: (-self._worth(item), item.smiles))
        texts = [item.smiles for item in ranked] or self._start
        parents = []
        for text in texts:
            drawing = self._about(text)[0]
            if drawing is not None:
                parents.append((text, drawing))
            if len(parents) == _PARENTS:
                break
        return parents

    def _about(self, smiles: str) -> tuple[Drawing | None, list[float]]:
        """A drawing to begin from, if it can be one, and the molecule's properties."""
        if smiles not in self._known:
            mol = Chem.MolFromSmiles(smiles)
            drawing = None
            if mol.GetNumAtoms() <= MOST_ATOMS and connected(mol):
                drawing = placed(mol, seed=0)
                drawing = None if drawing is None else first_in(drawing, mol, self.problem.space)
            self._known[smiles] = drawing, possessed([smiles], self._mean, self._std)[0].tolist()
        return self._known[smiles]
