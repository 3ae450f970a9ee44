"""Models that are ASE calculators: made from a card, told charge and spin, measured, and fetched."""
