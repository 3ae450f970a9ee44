"""What plugins provide: adapters with cards, suites, checks; the registry."""
