"""The figures' colours. matplotlib wants them now, the page decides them later: each becomes a CSS variable."""

from __future__ import annotations

INK, MUTED, GRID, ACCENT, WARM, BAD, PAPER = (f"#0{i}0{i}0{i}" for i in range(1, 8))
VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid", ACCENT: "accent", WARM: "warm", BAD: "bad", PAPER: "card"}
