"""Campaigns of every kind as one type: which model a file or a stored revision is read with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agent.campaign import CampaignSpec, CommonSpec
from agent.conditions.spec import ConditionsSpec

AnySpec = CampaignSpec | ConditionsSpec
MOLECULES = "molecules"
KINDS: dict[str, type[CampaignSpec] | type[ConditionsSpec]] = {MOLECULES: CampaignSpec, "conditions": ConditionsSpec}


def kind_of(spec: CommonSpec) -> str:
    return next(kind for kind, model in KINDS.items() if isinstance(spec, model))


def model_of(data: Mapping[str, Any]) -> type[CampaignSpec] | type[ConditionsSpec]:
    """A revision without a kind is of the first one there was: molecules. Raises KeyError."""
    return KINDS[data.get("kind", MOLECULES)]


def read_spec(text: str) -> AnySpec:
    """From the canonical JSON of a revision."""
    return model_of(json.loads(text)).from_canonical(text)
