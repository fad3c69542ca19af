"""Offline: from published reactions to the weights that ship. `make train-routes`; never run by the loop or CI."""
