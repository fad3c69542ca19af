"""Physics priors: published correlations as objects that know where they end."""
