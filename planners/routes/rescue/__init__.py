"""A second chance for a reaction that failed: what went wrong, what may be varied, what to try next.

diagnose(seen, ...) -> Fault | None              what the lab saw, in a chemist's words
rescue_space(procedure, ...) -> Space            a small grid around the procedure that was carried out
vary(procedure, setting, ...) -> Procedure       the same reaction under a setting of that space
next_setting(space, attempts, ...) -> Proposed   which setting next, and why; None: give up
"""
