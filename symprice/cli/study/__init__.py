"""``symprice study``: formulas held against the training of a network on real data."""
