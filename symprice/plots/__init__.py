"""Pictures of results: readable in black and white, labelled as the formulas are."""
