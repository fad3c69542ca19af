"""Curated rules for fine chemicals and solvents. All SMARTS here are our own; chemistry from general textbooks
(J. Clayden et al., Organic Chemistry, 2nd ed., 2012; M. B. Smith, March's Advanced Organic Chemistry, 7th ed., 2013).
"""

from planners.routes.single_step.rule import Rule
from planners.routes.single_step.rules import carbon, carbonates, esters, ethers, hetero, nitrogen, redox

RULES: tuple[Rule, ...] = (
    *esters.RULES,
    *carbonates.RULES,
    *ethers.RULES,
    *nitrogen.RULES,
    *redox.RULES,
    *carbon.RULES,
    *hetero.RULES,
)
