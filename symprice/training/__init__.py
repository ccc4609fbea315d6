"""Formulas against real training: predicted and actual changes, the influence of examples."""
