"""The computed properties that the autoencoder's second head predicts from a latent point."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import QED, rdMolDescriptors

from planners.design.filters.accessibility import synthetic_accessibility

# Name: unit or scale. Crippen's logP; QED (Bickerton et al., Nat. Chem. 2012, 4, 90); SA (Ertl, Schuffenhauer 2009).
PROPERTIES: dict[str, str] = {
    "logp": "log10",
    "qed": "0..1",
    "synthetic_accessibility": "1 easy .. 10 hard",
    "molar_mass": "g/mol",
    "rings": "count",
    "polar_surface": "Å²",
}


def properties(smiles: str) -> tuple[float, ...]:
    """In the order of PROPERTIES. Raises ValueError for a text that RDKit does not accept."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise ValueError(f"'{smiles}' is no molecule")
    return (
        float(rdMolDescriptors.CalcCrippenDescriptors(mol)[0]),
        float(QED.qed(mol)),
        synthetic_accessibility(mol),
        float(rdMolDescriptors._CalcMolWt(mol)),
        float(rdMolDescriptors.CalcNumRings(mol)),
        float(rdMolDescriptors.CalcTPSA(mol)),
    )
