"""The tour: every formula of the founding material, derived step by step and checked."""
