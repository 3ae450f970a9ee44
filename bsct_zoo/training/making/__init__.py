"""Frames to train on, labelled by a reference."""
