"""What a design space means for drawing: its elements, and its locked fragments as atoms that are held."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from rdkit import Chem

from planners.design.diffusion.drawing import Drawing, placed, together
from planners.design.diffusion.holding import Held, Terms
from planners.design.diffusion.network import ELEMENTS, LEAST_ATOMS, MOST_ATOMS
from planners.design.filters.requirement import required_elements
from planners.design.generator import CannotServe
from planners.design.space import DesignSpace, compile_smarts, lock_as_molecule


def terms(space: DesignSpace, length: float) -> Terms:
    """length: Å per unit of the network's coordinates. Raises CannotServe, saying what cannot be drawn."""
    if space.min_heavy_atoms > MOST_ATOMS:
        raise CannotServe(
            f"molecules of at most {MOST_ATOMS} heavy atoms are drawn, and the space begins at {space.min_heavy_atoms}"
        )
    if space.max_heavy_atoms < LEAST_ATOMS:
        raise CannotServe(f"molecules of at least {LEAST_ATOMS} heavy atoms are drawn, and the space ends before")
    usable = [symbol in space.elements for symbol in ELEMENTS]
    if "C" not in space.elements:
        raise CannotServe(f"molecules are drawn of {', '.join(ELEMENTS)}, and the space allows no carbon")
    for smarts in space.required:
        numbers = required_elements(compile_smarts(smarts)) - {1}
        drawn = {Chem.GetPeriodicTable().GetAtomicNumber(symbol) for symbol in ELEMENTS}
        if not numbers <= drawn:
            raise CannotServe(f"the required '{smarts}' needs elements other than {', '.join(ELEMENTS)}")
    elements = None if all(usable) else torch.tensor(usable, dtype=torch.float32)
    if not space.locked:
        return Terms(elements)
    parts = [_fragment(smarts) for smarts in space.locked]
    whole = together(parts)
    most = min(MOST_ATOMS, space.max_heavy_atoms)
    if len(whole.atoms) >= most:
        raise CannotServe(
            f"the locked fragments have {len(whole.atoms)} atoms together; of at most {most} heavy atoms that can be "
            "drawn here, none is left for anything new"
        )
    ends = tuple(int(end) for end in np.cumsum([len(part.atoms) for part in parts]))
    held = Held(
        torch.from_numpy(whole.x).float() / length, torch.from_numpy(whole.atoms), torch.from_numpy(whole.bonds), ends
    )
    return Terms(elements, held)


def _fragment(smarts: str) -> Drawing:
    mol = lock_as_molecule(smarts)
    if mol is None:
        raise CannotServe(
            f"the locked '{smarts}' is a query, not one fragment: atoms and bonds that are drawn must be named exactly"
        )
    if mol.GetNumAtoms() >= MOST_ATOMS:
        raise CannotServe(
            f"the locked '{smarts}' has {mol.GetNumAtoms()} atoms; molecules of at most {MOST_ATOMS} heavy atoms are "
            "drawn, and at least one must be new"
        )
    drawing = placed(mol, seed=0)
    if drawing is None:
        raise CannotServe(
            f"the locked '{smarts}' has charges or elements other than {', '.join(ELEMENTS)}, which are not drawn"
        )
    return drawing


def first_in(drawing: Drawing, mol: Chem.Mol, space: DesignSpace) -> Drawing | None:
    """The same drawing with the atoms of the locked fragments first, in their order; None when they are not all in it,
    each in atoms of its own. `mol` has the atoms of `drawing`, in order."""
    if not space.locked:
        return drawing
    choices = [mol.GetSubstructMatches(compile_smarts(smarts), uniquify=False) for smarts in space.locked]
    for matches in product(*choices):
        first = [i for match in matches for i in match]
        if len(set(first)) == len(first):
            order = first + [i for i in range(mol.GetNumAtoms()) if i not in first]
            return Drawing(drawing.x[order], drawing.atoms[order], drawing.bonds[np.ix_(order, order)])
    return None
