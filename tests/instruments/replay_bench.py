"""A small table of results for replay labs, and a bench that answers from it.

The yields are simulated, not measured: a coupling A -> B with the rate of its ligand, followed by B -> C, first order
each, with Arrhenius temperatures (P. Atkins, Physical Chemistry, consecutive reactions). So there is a best temperature
for every ligand, and it is known exactly.
"""

from __future__ import annotations

import math
from pathlib import Path

from instruments.bench import Bench
from instruments.simulation.config import FaultRule, ReplayConfig
from instruments.simulation.replay import open_replay_lab
from knowledge.records.procedure import Basis, Charge, Role
from knowledge.records.protocol import RunReaction
from knowledge.records.quantity import Quantity
from knowledge.records.space import Category, Number, Option, Space
from knowledge.sources.recorded_results import address_of, content_of

LIGANDS = {
    "PPh3": ("c1ccc(P(c2ccccc2)c2ccccc2)cc1", 95.0),
    "PCy3": ("C1CCC(P(C2CCCCC2)C2CCCCC2)CC1", 90.0),
    "PtBu3": ("CC(C)(C)P(C(C)(C)C)C(C)(C)C", 87.0),
    "PMePh2": ("CP(c1ccccc1)c1ccccc1", 97.0),
}
"""SMILES and activation energy of the coupling, kJ/mol."""
BASES = {"K2CO3": ("O=C([O-])[O-].[K+].[K+]", 1.0), "Cs2CO3": ("O=C([O-])[O-].[Cs+].[Cs+]", 1.8),
         "K3PO4": ("O=P([O-])([O-])[O-].[K+].[K+].[K+]", 1.4)}  # fmt: skip
TEMPERATURES = (60.0, 80.0, 100.0, 120.0)
PRODUCT = "Cc1ccc(-c2ccccc2)cc1"


def simulated_yield(ligand: str, base: str, celsius: float, hours: float = 4.0) -> float:
    """Percent."""
    kelvin = celsius + 273.15
    couple = BASES[base][1] * 3e9 * math.exp(-LIGANDS[ligand][1] * 1e3 / (8.314 * kelvin)) * 3600.0
    decay = 2e13 * math.exp(-130e3 / (8.314 * kelvin)) * 3600.0
    amount = couple / (decay - couple) * (math.exp(-couple * hours) - math.exp(-decay * hours))
    return round(100.0 * amount, 2)


def write_table(path: Path, *, without: tuple[tuple[str, str, float], ...] = (), structures: bool = False) -> Path:
    """48 rows less those `without`; options by name, or by SMILES written the other way round."""
    lines = ["Ligand,Base,T/K,yield,source"]
    for ligand, (smiles, _) in LIGANDS.items():
        for base in BASES:
            for celsius in TEMPERATURES:
                if (ligand, base, celsius) not in without:
                    named = _other_spelling(smiles) if structures else ligand
                    cells = (named, base, f"{celsius + 273.15:g}", f"{simulated_yield(ligand, base, celsius):g}")
                    lines.append(",".join((*cells, "simulated")))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _other_spelling(smiles: str) -> str:
    from rdkit import Chem

    mol = Chem.MolFromSmiles(smiles)
    phosphorus = next(a.GetIdx() for a in mol.GetAtoms() if a.GetSymbol() == "P")
    return Chem.MolToSmiles(mol, rootedAtAtom=phosphorus)


SPACE = Space(
    parameters=(
        Category(name="ligand", options=tuple(Option(name=n, smiles=s) for n, (s, _) in LIGANDS.items())),
        Category(name="base", options=tuple(Option(name=n, smiles=s) for n, (s, _) in BASES.items())),
        Number(name="temperature", unit="degC", levels=TEMPERATURES),
    )
)


def replay_config(table: Path, *faults: FaultRule, **settings: object) -> ReplayConfig:
    return ReplayConfig.model_validate(
        {
            "kind": "replay",
            "table": table.name,
            "parameters": {
                "ligand": "Ligand",
                "base": "Base",
                "temperature": {"column": "T/K", "unit": "K"},
            },
            "outcomes": {"reaction_yield": {"column": "yield", "unit": "percent", "std": 2.0}},
            "content": address_of(content_of(table)),
            "faults": faults,
            **settings,
        }
    )


def replay(folder: Path, *faults: FaultRule, **settings: object) -> Bench:
    """The lab of this folder, over a table beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "table.csv"
    if not table.exists():
        write_table(table)
    return open_replay_lab(replay_config(table, *faults, **settings), folder / "lab", table, SPACE)


def coupling(
    sample: str = "s", ligand: str = "PCy3", base: str = "K2CO3", celsius: float = 80.0, **changes: object
) -> RunReaction:
    body = {
        "sample": sample,
        "product": PRODUCT,
        "setting": {"ligand": ligand, "base": base, "temperature": celsius},
        "charges": (
            Charge(
                smiles="Cc1ccc(Br)cc1",
                name="4-bromotoluene",
                role=Role.REACTANT,
                equivalents=1.0,
                amount=Quantity(value=1e-3, unit="mol"),
                mass=Quantity(value=0.171, unit="g"),
                volume=None,
                basis=Basis.RULE,
            ),
        ),
        "temperature": Quantity(value=celsius + 273.15, unit="K"),
        "duration": Quantity(value=4.0, unit="hour"),
        "vessel_volume": Quantity(value=10.0, unit="mL"),
        "outcomes": ("reaction_yield",),
        **changes,
    }
    return RunReaction.model_validate(body)
