"""A small conditions campaign for tests: a Suzuki coupling over ligand, base and temperature, replayed from a table."""

from __future__ import annotations

from pathlib import Path

from agent.campaign_file import read_campaign
from agent.conditions.spec import ConditionsSpec
from tests.instruments.replay_bench import BASES, LIGANDS, PRODUCT, write_table

CAMPAIGN = f"""\
kind: conditions
name: coupling
title: A Suzuki coupling
seed: 4
reaction:
  product: {PRODUCT}
  reactants:
    - {{name: 4-bromotoluene, smiles: Cc1ccc(Br)cc1}}
    - {{name: phenylboronic acid, smiles: OB(O)c1ccccc1, equivalents: 1.3}}
  agents:
    - {{name: palladium acetate, role: catalyst, smiles: "CC(=O)[O-].CC(=O)[O-].[Pd+2]", equivalents: 0.02}}
    - {{name: dioxane, role: solvent, smiles: C1COCCO1}}
  scale: 0.5 mmol
  time: 4 hour
  concentration: 0.25 mol/L
space:
  - name: ligand
    role: ligand
    equivalents: 0.04
    options:
{"".join(f"      {name}: {smiles}{chr(10)}" for name, (smiles, _) in LIGANDS.items())}\
  - name: base
    role: base
    equivalents: 2
    options:
{"".join(f"      {name}: {smiles}{chr(10)}" for name, (smiles, _) in BASES.items())}\
  - {{name: temperature, role: temperature, unit: degC, levels: [60, 80, 100, 120]}}
objectives:
  - {{property: reaction_yield, direction: maximise, unit: percent, worst: 0}}
budget: {{experiments: 12, batch: 3}}
start: 4
lab:
  kind: replay
  table: table.csv
  parameters: {{ligand: Ligand, base: Base, temperature: {{column: T/K, unit: K}}}}
  outcomes:
    reaction_yield: {{column: yield, unit: percent}}
"""


def write_conditions(folder: Path, text: str = CAMPAIGN, **table: object) -> Path:
    """The campaign file with its table beside it."""
    if not (folder / "table.csv").exists():
        write_table(folder / "table.csv", **table)  # type: ignore[arg-type]
    path = folder / "coupling.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read_conditions_campaign(folder: Path, text: str = CAMPAIGN, **table: object) -> ConditionsSpec:
    spec = read_campaign(write_conditions(folder, text, **table))
    assert isinstance(spec, ConditionsSpec)
    return spec
