"""Known values as a prior, where a correlation needs one: what the literature says of a molecule, else an estimate.

A flash point follows from a boiling point, and the boiling point of a common chemical need not be estimated.
"""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.prior import Known, Prior, masked
from knowledge.records.base import canonical_json, sha256_text
from knowledge.records.fact import Fact


class Literature:
    """The values of `facts` in their property's unit, those of `fallback` for other molecules. A molecule is recognised
    by its canonical SMILES.

    Only facts that the asker may see belong in it: a model that looks up what a test withholds proves nothing. Raises
    ValueError for facts of another property than the fallback's, or two facts of one molecule.
    """

    def __init__(self, facts: Sequence[Fact], fallback: Prior) -> None:
        strange = next((f for f in facts if f.property != fallback.property_name), None)
        if strange is not None:
            raise ValueError(f"a fact about {strange.property} is no value of {fallback.property_name}")
        self._values = {fact.smiles: fact.value for fact in facts}
        if len(self._values) != len(facts):
            raise ValueError("a molecule has two values; merge its facts first")
        self._fallback = fallback
        digest = sha256_text(canonical_json(sorted(self._values.items())))[:12]
        self.name = f"literature, else {fallback.name}"
        self.version = f"1/{digest}/{fallback.version}"
        self.property_name = fallback.property_name
        self.unit = fallback.unit

    def __call__(self, smiles: Sequence[str]) -> tuple[Array, Known]:
        """Raises InvalidMolecule."""
        estimated, sure = self._fallback(smiles)
        values, known = estimated.copy(), sure.copy()
        for i, text in enumerate(smiles):
            value = self._values.get(text)
            if value is not None:
                values[i], known[i] = value, True
        return masked(values, known)
