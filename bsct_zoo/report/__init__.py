"""Results as terminal tables, Markdown, CSV, JSON and figures."""
