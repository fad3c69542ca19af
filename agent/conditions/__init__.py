"""Campaigns of kind `conditions`: one reaction, whose ligand, base, solvent, temperature, ... are searched."""
