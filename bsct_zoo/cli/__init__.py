"""The command line: it parses, calls and renders. One file a command."""
