"""Many molecules: what is known is looked up, the rest is computed, in this process or several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from knowledge.quantum.cache import Outcome, QuantumCache
from knowledge.quantum.calculation import compute, method
from knowledge.quantum.errors import QuantumError
from knowledge.quantum.properties import Settings
from knowledge.records.molecule import Molecule

Progress = Callable[[int, int], None]


def outcomes(
    smiles: Sequence[str],
    settings: Settings | None = None,
    *,
    cache: QuantumCache | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> list[Outcome]:
    """One outcome per SMILES, in order: QuantumProperties, or the QuantumError that says why there are none.

    Each distinct molecule is computed once, and none that `cache` knows; what is computed goes into `cache` as it
    comes, by this process alone, so an interrupted run loses little. `progress(done, all)` counts distinct molecules,
    the known ones first. `processes` above 1 starts that many fresh processes of one thread each.

    Raises InvalidMolecule before anything is computed, QuantumUnavailable, QuantumCacheBroken.
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, got {processes}")
    settings = settings or Settings()
    molecules = [Molecule.from_smiles(text) for text in smiles]
    how = method(settings)
    distinct = {m.smiles: m for m in molecules}
    found = cache.get(distinct.values(), how) if cache is not None else {}
    missing = [m for m in distinct.values() if m.smiles not in found]
    if progress is not None:
        progress(len(found), len(distinct))
    for molecule, outcome in zip(missing, _computed(missing, settings, processes), strict=True):
        if cache is not None:
            cache.put(molecule, how, outcome)
        found[molecule.smiles] = outcome
        if progress is not None:
            progress(len(found), len(distinct))
    return [found[m.smiles] for m in molecules]


def _computed(molecules: Sequence[Molecule], settings: Settings, processes: int) -> Iterator[Outcome]:
    jobs = [(m.smiles, settings) for m in molecules]
    if processes == 1 or len(jobs) < 2:
        yield from map(_outcome, jobs)
        return
    # Spawned, not forked: OpenMP's threads do not survive a fork.
    with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(_outcome, jobs)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _outcome(job: tuple[str, Settings]) -> Outcome:
    smiles, settings = job
    try:
        return compute(smiles, settings)
    except QuantumError as error:
        return error
