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

from agent.campaign import CampaignSpec
from agent.prior import handbook, known_facts, route_planner, stock
from agent.snapshot import Rule, Snapshot, take
from agent.stages.contract import Inputs
from knowledge.hazards import assess
from knowledge.records.candidate import Candidate
from knowledge.records.molecule import Molecule
from knowledge.store import log
from planners.design.evolve import Scores, evolve
from planners.design.genetic.evolution import GeneticGenerator
from planners.design.library import LibraryGenerator
from planners.optimize.batch import select
from planners.optimize.goals import Observation
from planners.optimize.outlook import Outlook
from planners.optimize.prescreen import rank
from planners.optimize.surrogates import Surrogates

SIMILAR = 0.6
"""Tanimoto similarity (Morgan, radius 2) above which a molecule is kin to one that an operator called unsafe."""
SAMPLE = 12
"""Molecules drawn blindly from the same pool, kept so that the report can compare the loop with chance."""
TRIES_PER_CHECKED = 4
ELITE = 400
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def propose_batch(inputs: Inputs) -> dict[str, Any]:
    """{"chosen", "pool", "sample": lists of Candidates; "filtered": counts by reason; "bred": count; "generators": states}."""
    spec = CampaignSpec.from_canonical(inputs.spec)
    body = inputs.body
    with inputs.store() as store, store.read() as session:
        snapshot = take(session, inputs.campaign_id, as_of=int(body["as_of"]), before_iteration=int(body["iteration"]))
        state = log.load(session, body["model"])["models"]
        earlier = None if body["previous"] is None else log.load(session, body["previous"])["generators"]
    surrogates = Surrogates.restore(state, known_facts(spec, snapshot))
    observed = [Observation(smiles=o.smiles, values=o.values) for o in snapshot.observed]
    filtered: Counter[str] = Counter()

    bred, states = _breed(spec, snapshot, surrogates, earlier, inputs.seed)
    pool = _filter(spec, snapshot, bred, filtered)
    references_left = max(int(body["references_left"]), 0)
    order = rank(
        surrogates,
        [c.molecule.smiles for c in pool],
        objectives=spec.objectives,
        constraints=spec.constraints,
        observed=observed,
        seed=inputs.seed,
    )
    shuffled = [int(i) for i in np.random.default_rng(inputs.seed).permutation(len(pool))]
    blind = spec.search.acquisition == "random"
    sample = _makeable(spec, pool, shuffled, SAMPLE, references_left, Counter())
    checked = _makeable(spec, pool, shuffled if blind else order, spec.search.checked, references_left, filtered)
    selections = select(
        surrogates,
        [c.molecule.smiles for c in checked],
        observed=observed,
        pending=snapshot.seen,
        objectives=spec.objectives,
        constraints=spec.constraints,
        q=int(body["size"]),
        seed=inputs.seed,
        limited=frozenset(c.molecule.smiles for c in checked if c.purchasable),
        # Spread over the campaign: a quarter of 24 in batches of 4 is one in each.
        limit=min(references_left, max(1, round(spec.references.share * spec.budget.batch))),
        rule=spec.search.acquisition,
    )
    by_smiles = {c.molecule.smiles: c for c in checked}
    chosen = [
        by_smiles[s.smiles].model_copy(update={"predicted": s.predicted, "acquisition": s.acquisition})
        for s in selections
    ]
    return {
        "chosen": [c.model_dump(mode="json") for c in chosen],
        "pool": [c.molecule.smiles for c in checked],
        "sample": [c.molecule.smiles for c in sample],
        "filtered": dict(sorted(filtered.items())),
        "bred": len(bred),
        "generators": states,
    }


def _breed(
    spec: CampaignSpec, snapshot: Snapshot, surrogates: Surrogates, earlier: dict[str, Any] | None, seed: int
) -> tuple[list[Candidate], dict[str, Any]]:
    """Every generator's molecules, each once, and the generators' states."""
    known = _known(spec)

    def score(smiles: Sequence[str]) -> Scores:
        """The hypervolume that a molecule alone may be hoped to dominate, times its chance of meeting the constraints."""
        outlook = Outlook.of(surrogates, list(smiles), spec.objectives, spec.constraints)
        hoped = np.clip(outlook.utility + outlook.utility_std, 1e-3, None).prod(axis=1)
        return Scores(values=hoped * outlook.feasibility)

    found: dict[str, Candidate] = {}
    states: dict[str, Any] = {}
    if "library" in spec.search.generators:
        library = LibraryGenerator(spec.space, known, seed=spec.seed)
        for candidate in library.ask(len(known)):
            found.setdefault(candidate.molecule.smiles, candidate)
        states["library"] = {"shelf": len(known)}
    if "genetic" in spec.search.generators:
        values = score(known).values if known else np.zeros(0)
        elite = [known[i] for i in np.lexsort((known, -values))[:ELITE]]
        genetic = GeneticGenerator(spec.space, known, seed=spec.seed, exclude=snapshot.seen)
        if earlier is not None and "genetic" in earlier:
            genetic.restore(earlier["genetic"])
        measured = [o.smiles for o in snapshot.observed]
        bred = evolve(
            genetic,
            score,
            generations=spec.search.generations,
            population=spec.search.population,
            seed=seed,
            start=[*elite, *measured],
        )
        for candidate in bred.candidates:
            found.setdefault(candidate.molecule.smiles, candidate)
        states["genetic"] = genetic.state()
    return list(found.values()), states


def _known(spec: CampaignSpec) -> list[str]:
    """Handbook molecules of the space that break none of the campaign's constraints as far as the agent knows."""
    book = handbook(spec.knowledge)
    bad: set[str] = set()
    told: set[str] = set()
    for constraint in spec.constraints:
        for fact in book.facts(constraint.property):
            told.add(fact.smiles)
            if not constraint.satisfied(fact.value):
                bad.add(fact.smiles)
    kept = []
    for smiles in sorted(told - bad):
        mol = Chem.MolFromSmiles(smiles)
        if mol is not None and spec.space.violation(mol) is None:
            kept.append(smiles)
    return kept


def _filter(spec: CampaignSpec, snapshot: Snapshot, bred: list[Candidate], filtered: Counter[str]) -> list[Candidate]:
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
    spec: CampaignSpec,
    pool: list[Candidate],
    order: Sequence[int],
    wanted: int,
    references: int,
    filtered: Counter[str],
) -> list[Candidate]:
    """The first `wanted` molecules in this order that can be bought (a few, as references) or made."""
    planner, shelf = route_planner(spec.making), stock()
    kept: list[Candidate] = []
    bought, may_buy = 0, min(references, max(1, wanted // 8))
    for tried, index in enumerate(order):
        if len(kept) == wanted or tried == wanted * TRIES_PER_CHECKED:
            break
        candidate = pool[index]
        if shelf.lookup(candidate.molecule.inchikey) is not None:
            if bought == may_buy:
                filtered["can be bought (references are limited)"] += 1
                continue
            bought += 1
            kept.append(candidate.model_copy(update={"purchasable": True}))
        elif planner.makeable(candidate.molecule.smiles):
            kept.append(candidate)
        else:
            filtered[f"no route in {spec.making.max_steps} steps"] += 1
    return kept
