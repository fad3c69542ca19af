"""The bits are RDKit's own, whatever the molecule is like."""

from __future__ import annotations

import pytest
from rdkit import Chem
from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D

from benchmarks.oracles.pharmacophores import pharmacophores
from benchmarks.oracles.tasks import CELECOXIB, THIOTHIXENE, TROGLITAZONE


@pytest.mark.parametrize(
    "smiles",
    [
        CELECOXIB,
        THIOTHIXENE,
        TROGLITAZONE,
        "CC(C)CCC[C@@H](C)[C@H]1CC[C@H]2[C@@H]3CC=C4C[C@@H](O)CC[C@]4(C)[C@H]3CC[C@]12C",  # one family only, almost
        "CCCCCCCCCCCCCCCC(=O)OCC(O)COP(=O)(O)OCC[NH3+]",  # far apart, and phosphorus
        "NC(=N)NCCCC(N)C(=O)NC(CC(=O)O)C(=O)O",
        "OB(O)c1ccccc1[Si](C)(C)C",
        "CC(=O)O.CCN",  # parts, at no distance
        "CO",  # no pair
        "C",  # no point
        "CC" + "C" * 105 + "O",  # some pairs beyond the last bin
    ],
)
def test_agrees_with_rdkit_bit_by_bit(smiles: str) -> None:
    mol = Chem.MolFromSmiles(smiles)
    if mol.GetNumAtoms() < 100:
        expected = list(Generate.Gen2DFingerprint(mol, Gobbi_Pharm2D.factory).GetOnBits())
        assert list(pharmacophores(mol).GetOnBits()) == expected
    else:  # RDKit itself takes minutes for so many points: pairs only
        factory = Gobbi_Pharm2D.factory
        pairs = [[a, b] for a in range(8) for b in range(a, 8)]
        expected = list(Generate.Gen2DFingerprint(mol, factory, perms=pairs).GetOnBits())
        assert [bit for bit in pharmacophores(mol).GetOnBits() if factory.GetBitInfo(bit)[0] == 2] == expected
