"""Trajectories of training in closed form, where they exist; conserved quantities; stability."""
