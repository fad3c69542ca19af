"""The network behind the local templates: one softmax over every (site, template) pair of a molecule.

Sites are atoms, for templates anchored at a lone atom, and directed bonds, for templates anchored at two; the direction
says which end is which. A pair whose elements or bond order contradict the template cannot win.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from rdkit import Chem
from torch import Tensor, nn
from torch.nn import functional

from planners.routes.single_step.graph.encoder import Encoder
from planners.routes.single_step.graph.molgraph import ATOM_FIELDS, BOND_FIELDS, BOND_ROWS, ELEMENTS, Batch
from planners.routes.single_step.local.template import LocalTemplate

_FORBIDDEN = -40.0  # out of reach for the logits learned, yet not so low that exp underflows, which is slow
_HYDROGENS = sum(ATOM_FIELDS[:3])  # where the rows of the hydrogen field begin
_ELEMENT_ROWS, _HYDROGEN_ROWS, _ORDER_ROWS = ATOM_FIELDS[0], ATOM_FIELDS[3], BOND_FIELDS[0]
_CODES_PER_TYPE = BOND_ROWS // _ORDER_ROWS


def _element_row(symbol: str) -> int:
    number = Chem.GetPeriodicTable().GetAtomicNumber(symbol)
    return ELEMENTS.index(number) if number in ELEMENTS else len(ELEMENTS)


def _lone_bias(templates: Sequence[LocalTemplate]) -> Tensor:
    """[elements * hydrogens, T]: 0 where the atom has the element and the hydrogens that the template takes."""
    bias = torch.full((_ELEMENT_ROWS, _HYDROGEN_ROWS, len(templates)), _FORBIDDEN)
    for t, template in enumerate(templates):
        edit = template.atoms[template.anchor[0]]
        bias[_element_row(edit.element), max(0, min(-edit.hydrogens, _HYDROGEN_ROWS - 1)) :, t] = 0.0
    return bias.reshape(-1, len(templates))


def _pair_bias(templates: Sequence[LocalTemplate]) -> Tensor:
    """[elements * elements * bond types, T]: 0 where ends and order of a directed bond are the template's."""
    bias = torch.full((_ELEMENT_ROWS, _ELEMENT_ROWS, _ORDER_ROWS, len(templates)), _FORBIDDEN)
    for t, template in enumerate(templates):
        first, second = template.anchor
        ends = _element_row(template.atoms[first].element), _element_row(template.atoms[second].element)
        bias[(*ends, template.neighbours[first][second] - 1, t)] = 0.0
    return bias.reshape(-1, len(templates))


class LocalNetwork(nn.Module):
    """`atom_templates` have one anchor atom, `bond_templates` two; columns of the answers are in their order."""

    lone_bias: Tensor
    pair_bias: Tensor

    def __init__(
        self,
        atom_templates: Sequence[LocalTemplate],
        bond_templates: Sequence[LocalTemplate],
        width: int,
        depth: int,
        attention: tuple[int, ...],
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(width, depth, attention, dropout=dropout)
        self.lone = nn.Linear(width, width)
        self.lone_out = nn.Linear(width, len(atom_templates))
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width, bias=False)
        self.between = nn.Linear(width, width, bias=False)
        self.pair_out = nn.Linear(width, len(bond_templates))
        self.dropout = dropout
        self.register_buffer("lone_bias", _lone_bias(atom_templates), persistent=False)
        self.register_buffer("pair_bias", _pair_bias(bond_templates).bfloat16(), persistent=False)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits [n atoms, atom templates] and [m directed bonds, bond templates], float32."""
        states = self.encoder(batch)
        kind = batch.atoms[:, 0] * _HYDROGEN_ROWS + batch.atoms[:, 3] - _HYDROGENS
        lone = functional.dropout(functional.relu(self.lone(states)), self.dropout, self.training)
        atoms = self.lone_out(lone).float() + self.lone_bias[kind]
        table = self.between(self.encoder.bond_table())
        pair = (
            self.first(states).index_select(0, batch.source)
            + self.second(states).index_select(0, batch.target)
            + table.index_select(0, batch.bonds)
        )
        pair = functional.dropout(functional.relu(pair), self.dropout, self.training)
        element = batch.atoms[:, 0]
        order = torch.div(batch.bonds, _CODES_PER_TYPE, rounding_mode="floor")
        ends = (element[batch.source] * _ELEMENT_ROWS + element[batch.target]) * _ORDER_ROWS + order
        return atoms, self.pair_out(pair).float() + self.pair_bias[ends]


def log_partition(atoms: Tensor, bonds: Tensor, batch: Batch) -> Tensor:
    """[b]: log of the sum of exp over every pair of each molecule."""
    rows = torch.cat((atoms.logsumexp(1), bonds.logsumexp(1)))
    owner = torch.cat((batch.molecule, batch.molecule[batch.source]))
    return segment_logsumexp(rows, owner, batch.size)


def segment_logsumexp(values: Tensor, owner: Tensor, count: int) -> Tensor:
    """[count]: logsumexp of the `values` [r] of each owner; an owner without values gets -inf."""
    top = torch.full((count,), -torch.inf).scatter_reduce(0, owner, values.detach(), "amax")
    shifted = (values - top[owner]).exp()
    return torch.zeros(count).index_add(0, owner, shifted).log() + top
