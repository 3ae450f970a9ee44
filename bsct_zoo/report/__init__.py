"""Reports: a comparison as a table in the terminal, Markdown, CSV or JSON."""
