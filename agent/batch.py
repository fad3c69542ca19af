"""From what is known to the next batch: breed, filter, rank, check that it can be made, choose.

Pure: the same inputs give the same batch. Cheap tests come first; every molecule dropped is counted with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from agent.breeding import breed
from agent.campaign import CampaignSpec
from agent.explaining import with_forecasts
from agent.prior import known_facts, route_planner, stock
from agent.snapshot import Rule, Snapshot, take
from agent.stages.contract import Inputs
from knowledge.hazards import assess
from knowledge.records.candidate import Candidate
from knowledge.records.molecule import Molecule
from knowledge.store import log
from planners.optimize.batch import select
from planners.optimize.goals import Observation, needed_properties
from planners.optimize.insight.feasibility import fit_feasibility_of_molecules
from planners.optimize.prescreen import rank
from planners.optimize.surrogates import Surrogates

SIMILAR = 0.6
"""Tanimoto similarity (Morgan, radius 2) above which a molecule is kin to one that an operator called unsafe."""
SAMPLE = 12
"""Molecules drawn blindly from the same pool, kept so that the report can compare the loop with chance."""
TRIES_PER_CHECKED = 4
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def propose_batch(inputs: Inputs) -> dict[str, Any]:
    """{"chosen": Candidates, "pool", "sample": SMILES, "filtered": {reason: n}, "bred": n, "generators": states,
    "left_out": {generator: why}}.
    """
    spec = CampaignSpec.from_canonical(inputs.spec)
    body = inputs.body
    with inputs.store() as store, store.read() as session:
        snapshot = take(session, inputs.campaign_id, as_of=int(body["as_of"]), before_iteration=int(body["iteration"]))
        state = log.load(session, body["model"])["models"]
        earlier = None if body["previous"] is None else log.load(session, body["previous"])["generators"]
    surrogates = Surrogates.restore(state, known_facts(spec, snapshot))
    observed = [Observation(smiles=o.smiles, values=o.values) for o in snapshot.observed]
    bought = {o.smiles for o in snapshot.observed if o.reference}
    filtered: Counter[str] = Counter()

    bred = breed(spec, snapshot, surrogates, earlier, inputs.seed)
    pool = _filter(spec, snapshot, bred.candidates, filtered)
    order = rank(
        surrogates,
        [c.molecule.smiles for c in pool],
        objectives=spec.objectives,
        constraints=spec.constraints,
        observed=[o for o in observed if o.smiles not in bought],
        seed=inputs.seed,
    )
    shuffled = [int(i) for i in np.random.default_rng(inputs.seed).permutation(len(pool))]
    way = shuffled if spec.search.acquisition == "random" else order
    sold, made = _sort(pool)
    size = int(body["size"])
    # One reference in a batch at most, so that they serve to compare from early on.
    references = min(1, int(body["references_left"]), len(sold), size - 1)
    checked = _makeable(spec, pool, [i for i in way if i in made], spec.search.checked, filtered)
    sample = _makeable(spec, pool, [i for i in shuffled if i in made], SAMPLE, Counter())
    filtered["can be bought (references are limited)"] += len(sold)

    chances = _chances(snapshot, checked, inputs.seed)

    def choose(candidates: list[Candidate], q: int) -> list[Candidate]:
        """References never count as found, so neither do they stand in the way of what is made."""
        selections = select(
            surrogates,
            [c.molecule.smiles for c in candidates],
            observed=[o for o in observed if o.smiles not in bought],
            pending=body["pending"],
            objectives=spec.objectives,
            constraints=spec.constraints,
            q=q,
            seed=inputs.seed,
            chances=chances,
            rule=spec.search.acquisition,
        )
        by_smiles = {c.molecule.smiles: c for c in candidates}
        return [
            by_smiles[s.smiles].model_copy(update={"predicted": s.predicted, "acquisition": s.acquisition})
            for s in selections
        ]

    shelf = [pool[i].model_copy(update={"purchasable": True}) for i in way if i in sold][: spec.search.checked]
    chosen = choose(checked, size - references)
    chosen += choose(shelf, min(references, size - len(chosen)))
    chosen = with_forecasts(chosen, surrogates, needed_properties(spec.objectives, spec.constraints))
    return {
        "chosen": [c.model_dump(mode="json") for c in chosen],
        "pool": [c.molecule.smiles for c in checked],
        "sample": [c.molecule.smiles for c in sample],
        "filtered": dict(sorted(filtered.items())),
        "bred": len(bred.candidates),
        "generators": bred.states,
        "left_out": bred.left_out,
    }


def _chances(snapshot: Snapshot, candidates: list[Candidate], seed: int) -> dict[str, float]:
    """That the chemistry gives each of them, by SMILES, from what this campaign made and failed to make."""
    if not snapshot.failed:
        return {}
    made = sorted({o.smiles for o in snapshot.observed if not o.reference} - set(snapshot.failed))
    tried = [*snapshot.failed, *made]
    failed = np.array([True] * len(snapshot.failed) + [False] * len(made))
    smiles = [c.molecule.smiles for c in candidates]
    learned = fit_feasibility_of_molecules(tried, failed, seed)
    return dict(zip(smiles, learned.probability(smiles).tolist(), strict=True)) if smiles else {}


def _sort(pool: list[Candidate]) -> tuple[set[int], set[int]]:
    """(indices of what can be bought, indices of what must be made)."""
    shelf = stock()
    sold = {i for i, c in enumerate(pool) if shelf.sells_skeleton(c.molecule.inchikey)}
    return sold, set(range(len(pool))) - sold


def _filter(
    spec: CampaignSpec, snapshot: Snapshot, bred: Sequence[Candidate], filtered: Counter[str]
) -> list[Candidate]:
    """Molecules that are new, allowed by the operators, and free of hazard alerts."""
    seen = {Molecule.from_smiles(s).connectivity for s in snapshot.seen}
    forbidden = [(rule, _test(rule)) for rule in snapshot.rules]
    kept = []
    for candidate in bred:
        if candidate.molecule.connectivity in seen:
            filtered["proposed before"] += 1
            continue
        mol = Chem.MolFromSmiles(candidate.molecule.smiles)
        hit = next((rule for rule, matches in forbidden if matches(mol)), None)
        if hit is not None:
            filtered[f"forbidden by an operator ({hit.kind})"] += 1
            continue
        if spec.no_hazard_alert:
            alerts = assess(candidate.molecule.smiles).blocking
            if alerts:
                filtered[f"hazard: {alerts[0].code}"] += 1
                continue
        kept.append(candidate)
    return kept


def _test(rule: Rule) -> Callable[[Chem.Mol], bool]:
    """Whether a molecule falls under an operator's restriction."""
    if rule.kind == "substructure":
        pattern = Chem.MolFromSmarts(rule.value)
        return lambda mol: bool(mol.HasSubstructMatch(pattern))
    reference = Chem.MolFromSmiles(rule.value)
    if rule.kind == "similar":
        bits = _MORGAN.GetFingerprint(reference)
        return lambda mol: bool(DataStructs.TanimotoSimilarity(_MORGAN.GetFingerprint(mol), bits) >= SIMILAR)
    smiles = Chem.MolToSmiles(reference)
    return lambda mol: bool(Chem.MolToSmiles(mol) == smiles)


def _makeable(
    spec: CampaignSpec, pool: list[Candidate], order: Sequence[int], wanted: int, filtered: Counter[str]
) -> list[Candidate]:
    """The first `wanted` molecules in this order that have a route."""
    planner = route_planner(spec.making)
    kept: list[Candidate] = []
    for index in order[: wanted * TRIES_PER_CHECKED]:
        if len(kept) == wanted:
            break
        if planner.makeable(pool[index].molecule.smiles):
            kept.append(pool[index])
        else:
            filtered[f"no route in {spec.making.max_steps} steps"] += 1
    return kept
