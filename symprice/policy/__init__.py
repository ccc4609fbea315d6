"""Policies: distributions over actions with trained probabilities, and the log-likelihood trick."""
