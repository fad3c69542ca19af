"""From what models say to which experiments next: improvement counted on joint posteriors, batches, limits, costs."""
