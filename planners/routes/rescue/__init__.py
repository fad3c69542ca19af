"""A second chance for a reaction that failed: what went wrong, what may be varied, what to try next.

decide(syntheses, ...) -> Decision | str         procedures to try next and why, or why to give up
"""

from planners.routes.rescue.decision import Decision, Synthesis, decide
from planners.routes.rescue.diagnosis import Fault, Seen

__all__ = ["Decision", "Fault", "Seen", "Synthesis", "decide"]
