"""Molecules as arrays: each featurizer is a named, versioned, pure function from SMILES to rows."""

from knowledge.features.descriptors import Descriptors
from knowledge.features.featurizer import Featurizer
from knowledge.features.fingerprints import CountMorgan
from knowledge.features.groups import Groups
from knowledge.features.joback_groups import JobackGroups
from knowledge.features.unifac_groups import UnifacGroups

__all__ = ["CountMorgan", "Descriptors", "Featurizer", "Groups", "JobackGroups", "UnifacGroups"]
