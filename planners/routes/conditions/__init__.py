"""Conditions per reaction class: one table, every value marked as rule or default."""

from planners.routes.conditions.table import Conditions, ReagentUse, Substance, conditions_for, conditions_table

__all__ = ["Conditions", "ReagentUse", "Substance", "conditions_for", "conditions_table"]
