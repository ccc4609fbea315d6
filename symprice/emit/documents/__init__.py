"""Documents of derivations: one model, written as Markdown, as LaTeX (and PDF) and as HTML."""
