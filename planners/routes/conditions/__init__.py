"""Conditions: precedents first, then one table of class rules; every value marked as precedent, rule or default.

classify(product, reactants) -> str                  key of the table for any step, "generic" last
conditions_for_step(step) -> Conditions              chosen by the nearest precedents, completed by the class's rule
conditions_for(reaction_class) -> Conditions         the rule alone
"""

from planners.routes.conditions.classify import classify
from planners.routes.conditions.step import class_of, conditions_for_step
from planners.routes.conditions.table import Conditions, ReagentUse, Substance, conditions_for, conditions_table

__all__ = [
    "Conditions",
    "ReagentUse",
    "Substance",
    "class_of",
    "classify",
    "conditions_for",
    "conditions_for_step",
    "conditions_table",
]
