"""Leaving SymPy: LaTeX, NumPy source and typeset documents."""
