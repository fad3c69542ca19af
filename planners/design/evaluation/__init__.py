"""What a molecule is worth for a problem: its values by models and computation, and one score."""
