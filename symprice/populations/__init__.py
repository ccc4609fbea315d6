"""Populations: Price's equation where it comes from, and what follows from it in genetics."""
