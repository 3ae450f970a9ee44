"""Figures for papers: matplotlib, one style, sizes of a column and of a page."""
