"""AiZynthFinder 4.4.1 behind one line of JSON per target; runs in its own environment and imports nothing of ours.

    PYTHON aizynthfinder_worker.py SETTINGS.json

SETTINGS: policy (ONNX), templates (CSV), stock (InChIKeys) or stock_hashes (sorted uint64, .npy), radius, bits, cutoff,
prefilter, depth, core. Requests on stdin: {"smiles", "seconds", "algorithm"}; answers on stdout.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from typing import Any

_MODULES = {"mcts": "mcts", "retro*": "aizynthfinder.search.retrostar.search_tree.SearchTree"}


def _strategy(settings: dict[str, Any], config: Any) -> Any:
    """The package's own template strategy with our fingerprint, and a count of what it is asked."""
    import numpy as np
    from aizynthfinder.context.policy.expansion_strategies import TemplateBasedExpansionStrategy
    from rdkit import Chem
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(
        radius=settings["radius"], includeChirality=True, fpSize=settings["bits"]
    )
    prefilter, cutoff = bool(settings["prefilter"]), int(settings["cutoff"])

    class CountCountingStrategy(TemplateBasedExpansionStrategy):  # type: ignore[misc,unused-ignore]
        """Chiral Morgan counts, log(1 + n), as the network was trained on.

        With the prefilter the cut-off takes the best templates of those whose product side is in the molecule: the
        network was trained to rank these only, and RDChiral would find the others inapplicable one by one.
        """

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.expansions = 0
            self.asked: set[str] = set()
            self._patterns: dict[int, Any] = {}

        def get_actions(self, molecules: Any, cache_molecules: Any = None) -> Any:
            self.expansions += len(molecules)
            self.asked.update(m.inchi_key for m in molecules)
            return super().get_actions(molecules, cache_molecules)

        def _update_cache(self, molecules: Any) -> None:
            fresh = {m.inchi_key: m for m in molecules if m.inchi_key not in self._cache}
            if not fresh:
                return
            mols = [Chem.MolFromSmiles(m.smiles) for m in fresh.values()]
            inputs = np.log1p(np.stack([generator.GetCountFingerprintAsNumPy(m) for m in mols]).astype(np.float32))
            for key, mol, predicted in zip(fresh, mols, np.asarray(self.model.predict(inputs))):  # noqa: B905
                if prefilter:
                    predicted = self._matching(mol, predicted)
                best = self._cutoff_predictions(predicted)
                self._cache[key] = (best, predicted[best])

        def _matching(self, mol: Any, predicted: Any) -> Any:
            kept = np.zeros_like(predicted)
            found = 0
            for index in np.argsort(predicted)[::-1]:
                if mol.HasSubstructMatch(self._pattern(int(index))):
                    kept[index] = predicted[index]
                    found += 1
                    if found == cutoff:
                        break
            total = kept.sum()
            return kept / total if total else predicted

        def _pattern(self, index: int) -> Any:
            if index not in self._patterns:
                side = self.templates[self.template_column].iloc[index].split(">>")[0]
                self._patterns[index] = Chem.MolFromSmarts(side[1:-1] if side.startswith("(") else side)
            return self._patterns[index]

    return CountCountingStrategy(
        "ours", config, model=settings["policy"], template=settings["templates"], cutoff_number=cutoff
    )


def _hashed_stock(path: str) -> Any:
    """A stock known by the first 8 bytes of the SHA-256 of each InChIKey."""
    import numpy as np
    from aizynthfinder.context.stock.queries import StockQueryMixin

    class HashedStock(StockQueryMixin):  # type: ignore[misc,unused-ignore]
        def __init__(self) -> None:
            self._hashes = frozenset(np.load(path, allow_pickle=False).tolist())

        def __contains__(self, mol: Any) -> bool:
            return int.from_bytes(hashlib.sha256(mol.inchi_key.encode()).digest()[:8], "big") in self._hashes

        def __len__(self) -> int:
            return len(self._hashes)

    return HashedStock()


def _finder(settings: dict[str, Any]) -> tuple[Any, Any]:
    from aizynthfinder.aizynthfinder import AiZynthFinder

    search = {"max_transforms": settings["depth"], "iteration_limit": 10**9, "exclude_target_from_stock": True}
    finder = AiZynthFinder(configdict={"search": search})
    finder.config.scorers.create_default_scorers()
    strategy = _strategy(settings, finder.config)
    finder.expansion_policy.load(strategy)
    finder.expansion_policy.select("ours")
    if settings.get("stock_hashes"):
        finder.stock.load(_hashed_stock(settings["stock_hashes"]), "stock")
    else:
        finder.stock.load_from_config(stock={"type": "inchiset", "path": settings["stock"]})
    finder.stock.select("stock")
    return finder, strategy


def _search(finder: Any, strategy: Any, request: dict[str, Any]) -> dict[str, Any]:
    finder.config.search.algorithm = _MODULES[request["algorithm"]]
    finder.config.search.time_limit = request["seconds"]
    strategy.expansions, strategy.asked = 0, set()
    begun, busy = time.perf_counter(), time.process_time()
    finder.target_smiles = request["smiles"]
    finder.prepare_tree()
    finder.tree_search()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - busy
    reactions = None
    if request["algorithm"] == "retro*":
        reactions = sum(len(node.children) for node in finder.tree.mol_nodes)
    return {
        "solved": "first_solution_time" in finder.search_stats,
        "first_route_s": finder.search_stats.get("first_solution_time"),
        "seconds": seconds,
        "cpu_s": cpu,
        "iterations": finder.search_stats["iterations"],
        "expansions": strategy.expansions,
        "distinct_molecules": len(strategy.asked),
        "reactions": reactions,
        "peak_memory_mb": _peak_memory_mb(),
    }


def _peak_memory_mb() -> float:
    with open("/proc/self/status", encoding="utf-8") as lines:
        return next(round(int(line.split()[1]) / 1024.0, 1) for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as stream:
        settings = json.load(stream)
    os.sched_setaffinity(0, {settings["core"]})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the package prints goes to stderr
    finder, strategy = _finder(settings)
    print(json.dumps({"ready": True, "stock": len(finder.stock)}), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = _search(finder, strategy, json.loads(line))
        except Exception as error:  # noqa: BLE001 (a foreign program: whatever it raises is its answer)
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
