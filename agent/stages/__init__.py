"""One file per stage, in the order an experiment passes: propose plan screen review dispatch collect analyse learn."""

from __future__ import annotations

from types import ModuleType

from agent.stages import analyse, learn, plan, propose, rescue, screen

STAGES: dict[str, ModuleType] = {m.NAME: m for m in (learn, propose, plan, rescue, screen, analyse)}
"""The stages that compute, by the name under which their work is requested."""
