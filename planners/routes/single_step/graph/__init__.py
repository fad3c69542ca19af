"""Retrosynthesis on the molecular graph: features and encoder (shared with the local-template model), edit model."""
