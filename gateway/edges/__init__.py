"""Servers near viewers that pass HLS on: which of them answer, and who is sent where."""
