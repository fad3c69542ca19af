"""A small real campaign for engine tests: one property, four experiments, the whole way from proposal to report.

Pure computations are remembered by their inputs for the life of the test process. They are the real ones; they are only
not repeated, because the same inputs give the same result.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from agent import desk
from agent.campaign import CampaignSpec, Rescue, Review
from agent.compute import Inline, run_stage
from agent.engine import Engine
from agent.stages.contract import Inputs
from instruments.simulation.config import LabConfig
from knowledge.store.database import Store, now_iso

_REMEMBERED: dict[str, str] = {}


class Remembering(Inline):
    """Runs inline; learn and propose, which are slow, once for the same inputs."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if fn is run_stage and args[0] in ("learn", "propose"):
            name, inputs = args
            key = json.dumps([name, inputs.subject, _relevant(inputs), inputs.seed, _body(inputs), _data(inputs)])
            if key not in _REMEMBERED:
                _REMEMBERED[key] = json.dumps(run_stage(name, inputs))
            future: Future[Any] = Future()
            future.set_result(json.loads(_REMEMBERED[key]))
            return future
        return super().submit(fn, *args, **kwargs)


def _relevant(inputs: Inputs) -> str:
    """The campaign without what neither stage looks at."""
    spec = CampaignSpec.from_canonical(inputs.spec)
    making = spec.making.model_copy(update={"rescue": Rescue()})
    return spec.model_copy(update={"lab": LabConfig(), "review": Review(), "making": making}).canonical()


def _body(inputs: Inputs) -> dict[str, Any]:
    return {k: v for k, v in inputs.body.items() if k != "as_of"}  # the data of that moment is in the key itself


def _data(inputs: Inputs) -> str:
    """What the computation reads from the store."""
    from agent.snapshot import take

    with inputs.store() as store, store.read() as session:
        return take(
            session,
            inputs.campaign_id,
            as_of=int(inputs.body["as_of"]),
            before_iteration=int(inputs.body["iteration"]) + 1,
        ).sha256


def small(name: str = "small", **changes: Any) -> CampaignSpec:
    """Thin liquids that boil between 400 and 480 K, in two batches of two."""
    return CampaignSpec.model_validate(
        {
            "name": name,
            "title": "Thin liquids",
            "seed": 3,
            "objectives": [{"property": "viscosity", "direction": "minimise", "unit": "mPa*s", "worst": 10.0}],
            "constraints": [{"property": "boiling_point", "minimum": "380 K", "maximum": "480 K"}],
            "budget": {"experiments": 4, "batch": 2},
            "references": {"share": 0.0},
            "knowledge": {"withheld": 0.3, "seed": 0},
            "space": {"max_heavy_atoms": 8},
            "search": {"generators": ["genetic"], "generations": 2, "population": 30, "checked": 8},
            **changes,
        }
    )


def engine(
    store: Store, *, wait: bool = False, devices: Executor | None = None, clock: Callable[[], str] = now_iso
) -> Engine:
    return Engine(store, compute=Remembering(), devices=devices or Inline(), wait_for_people=wait, clock=clock)


def finished(folder: Path, spec: CampaignSpec) -> Store:
    """A store whose campaign was carried as far as it goes without people."""
    store = Store.open(folder / "athanor.sqlite", create=True)
    desk.enroll(store, spec, dry_run=True)
    engine(store).run()
    return store
