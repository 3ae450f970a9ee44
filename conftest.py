"""For every test below: threads that wait do not spin, so that two test runs at once do not crawl."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
