"""Biên bản: the minutes of a visit, gathered once and drawn as Word and as PDF."""
