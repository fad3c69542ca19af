"""The sequence model: a Transformer that rewrites a product's SMILES into the SMILES of its reactants."""
