"""Many results as one static site: what was put to whom and when (boards), and its pages (write)."""
