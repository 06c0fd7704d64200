"""Sampling: contact sheets, films, and what a model's network looks like."""
