"""The 20 objectives of the PMO benchmark that need nothing but RDKit: `ORACLES["albuterol_similarity"](smiles)`."""

from benchmarks.oracles.oracle import Oracle, UnknownOracle
from benchmarks.oracles.tasks import ORACLES, oracle

__all__ = ["ORACLES", "Oracle", "UnknownOracle", "oracle"]
