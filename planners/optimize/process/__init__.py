"""Gaussian processes over settings: kernels by structure, hyperparameters weighed, earlier campaigns as tasks."""
