"""``python -m bsct_zoo``."""

from bsct_zoo.cli.main import main

main()
