"""Plugins: the hooks, and the registry of what they brought."""
