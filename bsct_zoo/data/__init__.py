"""Labelled frames for training, made from molecules: which frames, their labels, and the folder that trainers read."""
