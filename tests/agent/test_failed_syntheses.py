"""Which molecules a campaign learns to be hard to make, from its own store."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.snapshot import take
from knowledge.records.base import sha256_text
from knowledge.records.measurement import Measurement, Source
from knowledge.records.molecule import Molecule
from knowledge.store import log
from knowledge.store.database import Store, now_iso
from knowledge.store.tables import Campaign, Command, Document, Experiment, MeasurementRow

ID = "esters-1"
NAME = {
    "CCOC(C)=O": "ester",
    "CC(=O)Cl": "chloride",
    "CCC(=O)Cl": "other",
    "CCO": "bought",
    "CCN": "broken",
    "CCCC": "new",
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An ester was measured, one chloride gave nothing and one an impure sample; a robot broke; one is under way."""
    with Store.open(tmp_path / "a.sqlite", create=True) as opened:
        with opened.write() as session:
            for kind in ("campaign", "candidate"):
                session.add(Document(sha256=sha256_text(kind), kind=kind, body="{}"))
            session.flush()
            session.add(
                Campaign(
                    id=ID, name="esters", revision=sha256_text("campaign"), seed=0, dry_run=True, wants="run",
                    state="active", created_at=now_iso(),
                )
            )  # fmt: skip
            session.flush()
            for i, smiles in enumerate(NAME, start=1):
                session.add(_experiment(f"e{i}", smiles))
            session.flush()
            _measure(session, "e1", "viscosity", None)
            _fault(session, "e2", "chemistry")
            _measure(session, "e3", "viscosity", "impure sample")
            _measure(session, "e3", "purity", None)
            _fault(session, "e4", "chemistry")
            _fault(session, "e5", "hardware")
            for i in range(1, 6):
                log.append(session, ID, "experiment.analysed", f"e{i}", {}, by="engine", at=now_iso())
        yield opened


def _experiment(name: str, smiles: str) -> Experiment:
    return Experiment(
        id=name, campaign_id=ID, iteration=1, ordinal=int(name[1:]), state="CLOSED", smiles=smiles,
        inchikey=Molecule.from_smiles(smiles).inchikey, candidate=sha256_text("candidate"), proposer="engine",
        reference=NAME[smiles] == "bought", created_at=now_iso(), updated_at=now_iso(),
    )  # fmt: skip


def _measure(session: object, experiment: str, name: str, flag: str | None) -> None:
    one = Measurement(
        property=name, value=0.5, std=0.01, source=Source.INSTRUMENT, analysis="test/1", signals=(), qc_flag=flag
    )
    session.add(  # type: ignore[attr-defined]
        MeasurementRow(
            campaign_id=ID, experiment_id=experiment, property=name, value=0.5, std=0.01, simulated=False,
            source="instrument", qc_flag=flag, body=one.canonical(), event_id=1,
        )
    )  # fmt: skip


def _fault(session: object, experiment: str, fault: str) -> None:
    session.add(  # type: ignore[attr-defined]
        Command(
            id=f"{experiment}:00:1", campaign_id=ID, experiment_id=experiment, position=0, attempt=1, instrument="r",
            action="purify", effect="irreversible", state="FAILED", fault=fault, epoch=1, intent_at=now_iso(),
            deadline_s=1.0,
        )
    )  # fmt: skip


def test_only_what_the_chemistry_refused_counts_as_failed(store: Store) -> None:
    with store.read() as session:
        found = take(session, ID, as_of=10**9, before_iteration=2)
        assert [NAME[s] for s in found.failed] == ["chloride", "other"]
        assert [NAME[o.smiles] for o in found.observed if "viscosity" in o.values] == ["ester"]
        assert take(session, ID, as_of=0, before_iteration=2).failed == ()
        assert take(session, ID, as_of=10**9, before_iteration=1).failed == ()
