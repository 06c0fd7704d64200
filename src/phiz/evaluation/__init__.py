"""Evaluation: features of faces, and what they say of a generator's quality, variety and honesty."""
