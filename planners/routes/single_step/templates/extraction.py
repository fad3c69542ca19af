"""Retro templates from atom-mapped reactions.

The reaction centre, its neighbours and the special groups around it, as C. W. Coley, W. H. Green and K. F. Jensen
define them (J. Chem. Inf. Model. 2019, 59, 2529); the package rdchiral does the cutting.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
from rdkit import Chem, rdBase

from knowledge.records.molecule import InvalidMolecule
from planners.routes.structure import canonical

with warnings.catch_warnings():
    # The module has regular expressions in plain strings; Python says so when it compiles the file for the first time.
    warnings.simplefilter("ignore")
    from rdchiral import template_extractor


def unmapped(smiles: str) -> str:
    """Canonical isomeric SMILES without map numbers, nothing left of the mapped string's order.

    Raises InvalidMolecule.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None:
        raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return canonical(str(Chem.MolToSmiles(mol)))


def reactant_set(smiles: str) -> tuple[str, ...]:
    """The molecules of a mapped or unmapped side of a reaction: canonical, sorted. Raises InvalidMolecule."""
    return tuple(sorted(canonical(part) for part in unmapped(smiles).split(".")))


def extract(reactants: str, product: str) -> str | None:
    """The retro SMARTS "product>>reactants" of a mapped reaction, or None when nothing changes or it cannot be read.

    The product side is one molecule: disjoint centres stand in parentheses.
    """
    reaction = {"_id": "", "reactants": reactants, "products": product}
    state = np.random.get_state()
    try:
        # The extractor tries stereocentres in an order it draws from NumPy's global state.
        np.random.seed(0)
        with rdBase.BlockLogs(), contextlib.redirect_stdout(io.StringIO()):
            found = template_extractor.extract_from_reaction(reaction)
    except (ValueError, RuntimeError, KeyError, IndexError):
        return None
    finally:
        np.random.set_state(state)
    smarts = (found or {}).get("reaction_smarts")
    return None if smarts is None else _one_product(smarts)


def _one_product(smarts: str) -> str:
    product, _, reactants = smarts.partition(">>")
    return f"({product})>>{reactants}" if "." in product and not product.startswith("(") else smarts
