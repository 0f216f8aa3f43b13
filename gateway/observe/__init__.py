"""Tells how the gateway itself is doing."""
