"""The report as one HTML file: what it says (summary, scans), how it travels (packing), how it is written (write)."""
