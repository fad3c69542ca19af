"""Spaces of settings: encoded for models, counted, drawn from, and held to their rules."""
