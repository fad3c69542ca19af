"""A campaign for the report's tests: real molecules and reactions; values of the right size, but TEST DATA."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from agent.report.data import (
    BaselinePoint,
    ExperimentReport,
    Goal,
    HypervolumePoint,
    IterationReport,
    ModelVersion,
    ProspectiveError,
    Provenance,
    Reference,
    ReportData,
    ReviewDecision,
)
from knowledge.records.candidate import Candidate
from knowledge.records.candidate import Provenance as Origin
from knowledge.records.hazard import Alert, HazardReport, Severity
from knowledge.records.measurement import Measurement, Source
from knowledge.records.molecule import Molecule
from knowledge.records.objective import Constraint, Direction, Objective
from knowledge.records.procedure import Basis, Charge, Condition, Procedure, Remark, Role
from knowledge.records.properties import PROPERTIES
from knowledge.records.quantity import Estimate, Quantity
from knowledge.records.route import Leaf, Route, RouteStep, StockItem

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
NMP = "CN1CCCC1=O"
GOAL = Goal(
    name="green-solvent",
    title="A replacement for N-methyl-2-pyrrolidone",
    description="NMP dissolves almost everything and is toxic to reproduction. Wanted: a liquid like it.",
    objectives=(
        Objective(
            property="hansen_distance",
            direction=Direction.MINIMISE,
            unit="MPa**0.5",
            worst=12.0,
            reference=(18.0, 12.3, 7.2),
        ),
        Objective(property="viscosity", direction=Direction.MINIMISE, unit="mPa*s", worst=5.0),
    ),
    constraints=(
        Constraint(
            property="boiling_point", minimum=Quantity(value=423, unit="K"), maximum=Quantity(value=503, unit="K")
        ),
        Constraint(property="flash_point", minimum=Quantity(value=333, unit="K")),
        Constraint(property="melting_point", maximum=Quantity(value=298.15, unit="K")),
    ),
    rules=("At most 3 steps from stock.", "No hazard alert."),
    budget=24,
    batch_size=4,
    reference=Reference(
        name="N-methyl-2-pyrrolidone",
        smiles=NMP,
        values={
            "viscosity": 1.67, "boiling_point": 475.0, "flash_point": 364.0,
            "hansen_dispersion": 18.0, "hansen_polar": 12.3, "hansen_hydrogen": 7.2,
        },
        source="test data",
    ),
)  # fmt: skip
_STD = {
    "hansen_dispersion": 0.2, "hansen_polar": 0.35, "hansen_hydrogen": 0.35, "viscosity": 0.03, "boiling_point": 0.8,
    "flash_point": 1.6, "purity": 0.002, "reaction_yield": 0.01,
}  # fmt: skip
_PREDICTED_STD = {
    "hansen_dispersion": 0.7, "hansen_polar": 1.8, "hansen_hydrogen": 1.6, "viscosity": 0.6, "boiling_point": 9.0,
    "flash_point": 9.0,
}  # fmt: skip
_ORDER = ("hansen_dispersion", "hansen_polar", "hansen_hydrogen", "viscosity", "boiling_point", "flash_point")
NAMES = {
    "CC(C)CCO": "3-methylbutan-1-ol", "CCC(=O)O": "propanoic acid", "O=C(O)CCCCC(=O)O": "adipic acid", "CO": "methanol",
    "CC(=O)CCC(=O)O": "levulinic acid", "CC(=O)OC(C)=O": "acetic anhydride", "C1COCCN1": "morpholine", "CCO": "ethanol",
    "O=C(O)CCl": "chloroacetic acid", "CCCO": "propan-1-ol", "COCCO": "2-methoxyethanol", "CC(=O)O": "acetic acid",
    "COC(C)=O": "methyl acetate", "CC(O)C(=O)O": "lactic acid", NMP: "N-methyl-2-pyrrolidone",
    "CCC(=O)OCCC(C)C": "isoamyl propionate", "COC(=O)CCCCC(=O)OC": "dimethyl adipate",
    "CC1CCC(=O)O1": "γ-valerolactone", "COC(=O)CCC(C)=O": "methyl levulinate", "CC(=O)N1CCOCC1": "4-acetylmorpholine",
    "CCOC(=O)C(C)O": "ethyl lactate", "CC1COC(=O)O1": "propylene carbonate",
    "CCOC(=O)CN1CCOCC1": "ethyl morpholinoacetate",
    "CCOC(=O)CCC(C)=O": "ethyl levulinate", "COCCOC(C)=O": "2-methoxyethyl acetate",
    "CCOC(=O)CCl": "ethyl chloroacetate",
    "O=S1(=O)CCCC1": "sulfolane",
}  # fmt: skip
# SMILES, steps as (reactants, product, class), then δD, δP, δH, η, Tb, Tf as "measured", and whether from the handbook.
_MADE: tuple[tuple[str, tuple[tuple[tuple[str, ...], str, str], ...], tuple[float, ...], bool], ...] = (
    ("CCC(=O)OCCC(C)C", ((("CC(C)CCO", "CCC(=O)O"), "CCC(=O)OCCC(C)C", "fischer_esterification"),),
     (15.7, 3.4, 5.3, 1.07, 433.2, 321.0), True),
    ("COC(=O)CCCCC(=O)OC", ((("O=C(O)CCCCC(=O)O", "CO"), "COC(=O)CCCCC(=O)OC", "fischer_esterification"),),
     (16.3, 6.8, 8.5, 2.9, 500.6, 380.0), True),
    ("CC1CCC(=O)O1", ((("CC(=O)CCC(=O)O",), "CC1CCC(=O)O1", "ketone_hydrogenation_lactonisation"),),
     (16.9, 11.5, 6.3, 1.86, 480.5, 369.0), True),
    ("COC(=O)CCC(C)=O", ((("CC(=O)CCC(=O)O", "CO"), "COC(=O)CCC(C)=O", "fischer_esterification"),),
     (16.8, 8.1, 6.9, 1.52, 469.0, 340.0), False),
    ("CC(=O)N1CCOCC1", ((("C1COCCN1", "CC(=O)OC(C)=O"), "CC(=O)N1CCOCC1", "n_acylation"),),
     (18.3, 10.9, 7.9, 4.6, 498.0, 386.0), False),
    ("CCOC(=O)C(C)O", ((("CC(O)C(=O)O", "CCO"), "CCOC(=O)C(C)O", "fischer_esterification"),),
     (16.0, 7.6, 12.5, 2.44, 427.2, 319.0), True),
    ("CCOC(=O)CN1CCOCC1", (
        (("O=C(O)CCl", "CCO"), "CCOC(=O)CCl", "fischer_esterification"),
        (("CCOC(=O)CCl", "C1COCCN1"), "CCOC(=O)CN1CCOCC1", "n_alkylation")),
     (17.2, 7.0, 6.6, 3.3, 495.0, 372.0), False),
    ("CCOC(=O)CCC(C)=O", ((("CC(=O)CCC(=O)O", "CCO"), "CCOC(=O)CCC(C)=O", "fischer_esterification"),),
     (16.5, 7.4, 6.4, 1.47, 479.3, 363.0), True),
    ("COCCOC(C)=O", ((("COCCO", "CC(=O)O"), "COCCOC(C)=O", "fischer_esterification"),),
     (15.9, 5.5, 11.6, 1.04, 418.0, 317.0), True),
)  # fmt: skip
_SHIFT = (0.3, -1.4, 0.9, 0.25, -6.0, 4.5)  # how far predictions lie from measurements, scaled below


def experiments() -> tuple[ExperimentReport, ...]:
    """Nine that were made, one bought, one that ended as a solid, one rejected by a person, one without a route."""
    made = [_made(i, *spec) for i, spec in enumerate(_MADE)]
    bought = _bought("CC1COC(=O)O1", len(made), (20.0, 18.0, 4.1, 2.53, 515.0, 405.0))
    solid = _made(
        len(made) + 1,
        "O=S1(=O)CCCC1",
        (),
        (),
        True,
        state="CLOSED",
        failure="solid at 298 K: the viscometer needs a liquid",
    )
    rejected = _made(len(made) + 2, "O=S1(=O)CCCC1", (), (), True, state="REJECTED").model_copy(
        update={
            "decision": ReviewDecision(
                verdict="rejected", by="a. chemist", at=AT, automatic=False, reason="unsafe: sulfone on our hot plate"
            ),
            "failure": "rejected by a. chemist: unsafe",
        }
    )
    routeless = ExperimentReport(
        label="E13",
        id="c-0013",
        iteration=3,
        state="ABANDONED",
        candidate=_candidate("CC1(C)OCC(CO)O1", 13, ()),
        failure="no route of at most 3 steps from stock was found",
    )
    return (*made, bought, solid, rejected, routeless)


def campaign(found: Sequence[ExperimentReport] | None = None) -> ReportData:
    """The whole report's data; without experiments when an empty sequence is given."""
    rows = experiments() if found is None else tuple(found)
    begun = bool(rows)
    return ReportData(
        goal=GOAL,
        status="finished" if begun else "running",
        lab="virtual lab, seed 0",
        lab_simulated=True,
        experiments=rows,
        iterations=_iterations() if begun else (),
        hypervolume=tuple(
            HypervolumePoint(iteration=i, experiments=4 * i, value=v) for i, v in ((1, 9.8), (2, 24.1), (3, 30.6))
        )
        if begun
        else (),
        baseline=tuple(
            BaselinePoint(iteration=i, experiments=4 * i, mean=m, low=0.6 * m, high=1.3 * m)
            for i, m in ((1, 7.1), (2, 12.0), (3, 15.2))
        )
        if begun
        else (),
        baseline_runs=200 if begun else 0,
        baseline_note="Random choice draws from the same pools." if begun else "",
        models=tuple(
            ModelVersion(
                version=f"c/{i}", iteration=i, kind="Gaussian process, Tanimoto + RBF kernels", properties=_ORDER,
                rows=4000 + 20 * i,
                data_sha256=f"{i:064x}", seed=7,
            )
            for i in (1, 2, 3)
        )
        if begun
        else (),
        names=NAMES,
        provenance=Provenance(
            config_sha256="ab" * 32, seed=0, versions={"rdkit": "2026.9.1", "torch": "2.13.0"}, events=412,
            event_head="cd" * 32,
            store="sqlite:///runs/athanor.db", command="python run_agent.py report",
        ),
        generated_at=AT,
    )  # fmt: skip


def _iterations() -> tuple[IterationReport, ...]:
    return tuple(
        IterationReport(
            index=i,
            considered=1800 + 150 * i,
            filtered={
                "hazard alert": 160 + i,
                "outside the models' domain": 700 - 40 * i,
                "no route found quickly": 210,
            },
            chosen=4,
            errors=tuple(
                ProspectiveError(property=name, count=4, mae=error / i**0.5, inside_90=3)
                for name, error in zip(_ORDER, (0.5, 1.5, 1.2, 0.21, 6.5, 5.0), strict=True)
            ),
        )
        for i in (1, 2, 3)
    )


def _candidate(smiles: str, index: int, values: tuple[float, ...], purchasable: bool = False) -> Candidate:
    direction = (-1.0) ** index * (0.4 + 0.35 * (index % 3))
    return Candidate(
        molecule=Molecule.from_smiles(smiles),
        provenance=Origin(
            generator="library" if purchasable else "genetic",
            operator="stock" if purchasable else "crossover",
            parents=() if purchasable else ("CCOC(C)=O", "C1CCOC1"),
        ),
        predicted={
            name: Estimate(mean=value + direction * shift, std=_PREDICTED_STD[name], unit=PROPERTIES[name].unit)
            for name, value, shift in zip(_ORDER, values, _SHIFT, strict=False)
        },
        acquisition=None if purchasable else 0.31 + 0.07 * index,
        purchasable=purchasable,
    )


def _measurements(values: tuple[float, ...], handbook: bool, made: bool) -> tuple[Measurement, ...]:
    rows = [(name, value) for name, value in zip(_ORDER, values, strict=False)]
    if made and values:
        rows += [("purity", 0.991), ("reaction_yield", 0.74)]
    return tuple(
        Measurement(
            property=name, value=value, std=_STD[name], analysis=f"{name}/1", signals=("0" * 64,),
            source=Source.HANDBOOK if handbook and name not in ("purity", "reaction_yield") else Source.MODEL,
            detail="test data" if name == "boiling_point" else "",
        )
        for name, value in rows
    )  # fmt: skip


def _made(
    index: int,
    smiles: str,
    steps: tuple[tuple[tuple[str, ...], str, str], ...],
    values: tuple[float, ...],
    handbook: bool,
    *,
    state: str = "CLOSED",
    failure: str = "",
) -> ExperimentReport:
    route = None
    if steps:
        products = {product for _, product, _ in steps}
        leaves = sorted({r for reactants, _, _ in steps for r in reactants} - products)
        route = Route(
            target=smiles,
            steps=tuple(
                RouteStep(product=p, reactants=r, reaction_class=c, template=f"curated:{c}", score=0.8)
                for r, p, c in steps
            ),
            leaves=tuple(Leaf(smiles=s, stock=_stock(s)) for s in leaves),
            score=0.7,
        )
    return ExperimentReport(
        label=f"E{index + 1:02d}",
        id=f"c-{index + 1:04d}",
        iteration=index // 4 + 1,
        state=state,
        candidate=_candidate(smiles, index, values),
        route=route,
        procedures=tuple(_procedure(*step) for step in steps),
        isolated_yields=(*(None for _ in steps[1:]), 0.74) if steps else (),
        protocol_sha256="12" * 32 if steps else "",
        hazards=HazardReport(
            alerts=(
                Alert(code="ghs:H226", severity=Severity.NOTE, text="Flammable liquid and vapour.", source="test data"),
            )
            if index % 3 == 0
            else (),
            unknown=("carcinogenicity", "reproductive toxicity"),
        ),
        decision=ReviewDecision(verdict="approved", by="policy auto/1", at=AT, automatic=True, covers="34" * 32),
        measurements=_measurements(values, handbook, made=True),
        failure=failure,
        lab_hours=19.4 + index,
    )


def _bought(smiles: str, index: int, values: tuple[float, ...]) -> ExperimentReport:
    route = Route(target=smiles, steps=(), leaves=(Leaf(smiles=smiles, stock=_stock(smiles)),), score=1.0)
    return ExperimentReport(
        label=f"E{index + 1:02d}",
        id=f"c-{index + 1:04d}",
        iteration=3,
        state="CLOSED",
        candidate=_candidate(smiles, index, values, purchasable=True),
        route=route,
        hazards=HazardReport(),
        measurements=_measurements(values, True, made=False),
        lab_hours=3.1,
    )


def _stock(smiles: str) -> StockItem:
    return StockItem(
        inchikey=Molecule.from_smiles(smiles).inchikey, source="test data", tier=1 + len(smiles) % 5, price_per_g=0.02
    )


def _procedure(reactants: tuple[str, ...], product: str, reaction_class: str) -> Procedure:
    def quantity(value: float, unit: str) -> Quantity:
        return Quantity(value=value, unit=unit)

    charges = [
        Charge(
            smiles=s, name=NAMES[s], role=Role.REACTANT, equivalents=1.0 + 0.2 * i, amount=quantity(0.2, "mol"),
            mass=quantity(17.6, "g"), volume=quantity(21.7, "mL") if i == 0 else None, basis=Basis.RULE,
        )
        for i, s in enumerate(reactants)
    ]  # fmt: skip
    charges += [
        Charge(
            smiles="Cc1ccc(S(=O)(=O)O)cc1", name="p-toluenesulfonic acid", role=Role.CATALYST, equivalents=0.02,
            amount=quantity(0.004, "mol"), mass=quantity(0.69, "g"), volume=None, basis=Basis.RULE,
        ),
        Charge(
            smiles="Cc1ccccc1", name="toluene", role=Role.SOLVENT, equivalents=None, amount=quantity(0.56, "mol"),
            mass=quantity(52, "g"), volume=quantity(60, "mL"), basis=Basis.DEFAULT,
        ),
    ]  # fmt: skip
    return Procedure(
        product=product,
        reactants=reactants,
        reaction_class=reaction_class,
        charges=tuple(charges),
        temperature=Condition(quantity=quantity(383, "K"), basis=Basis.RULE),
        duration=Condition(quantity=quantity(6, "hour"), basis=Basis.DEFAULT),
        workup=Remark(
            text="Wash with saturated sodium hydrogencarbonate and brine, dry over magnesium sulfate.", basis=Basis.RULE
        ),
        purification=Remark(text="Distil at reduced pressure.", basis=Basis.RULE),
        expected_yield=Condition(quantity=quantity(0.8, "dimensionless"), basis=Basis.RULE),
        product_mass=quantity(23.0, "g"),
        vessel_volume=quantity(250, "mL"),
        side_products=("O",),
        hazards=("toluene: highly flammable",),
    )
