"""The command line: formulas typed as text, derived and printed."""
