"""What was known, asked or forbidden: molecules that are never proposed (again)."""

from __future__ import annotations

from collections.abc import Iterable

from rdkit import Chem, rdBase

from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.molecule import InvalidMolecule, Molecule
from planners.design.generator import State
from planners.design.genetic.breeding import Offspring


class Memory:
    """By canonical SMILES without stereo, and by the first block of the InChIKey: tautomers and stereoisomers are one.

    The block is only made of what is proposed, since it costs more than all the rest.
    """

    def __init__(self, exclude: Iterable[str]) -> None:
        self._seen: dict[str, None] = {}  # ordered sets
        self._keys: dict[str, None] = {}
        for text in exclude:
            known = flat_smiles(text)
            if known is not None:
                self._seen[known] = None
                self._keys[Molecule.from_smiles(known).connectivity] = None

    def __contains__(self, smiles: str) -> bool:
        return smiles in self._seen

    def add(self, smiles: str) -> None:
        self._seen[smiles] = None

    def proposal(self, child: Offspring, generator: str) -> Candidate | None:
        """The child as a candidate, remembered; None when it was proposed before in another guise."""
        self._seen[child.smiles] = None
        try:
            molecule = Molecule.from_smiles(child.smiles)
        except InvalidMolecule:
            return None  # readable, but without an InChIKey: nothing could recognise it again
        if molecule.connectivity in self._keys:
            return None
        self._keys[molecule.connectivity] = None
        self._seen[molecule.smiles] = None
        provenance = Provenance(generator=generator, operator=child.operator, parents=child.parents)
        return Candidate(molecule=molecule, provenance=provenance)

    def state(self) -> State:
        return {"seen": list(self._seen), "keys": list(self._keys)}

    def restore(self, state: State) -> None:
        self._seen = dict.fromkeys(state["seen"])
        self._keys = dict.fromkeys(state["keys"])


def flat_smiles(text: str) -> str | None:
    """Canonical SMILES without stereo; None when the text is no molecule."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
    return str(Chem.MolToSmiles(mol, isomericSmiles=False)) if mol is not None and mol.GetNumAtoms() else None
