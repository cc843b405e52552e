"""Peers: what others take for the same work, measured beside Calbell in one run."""
