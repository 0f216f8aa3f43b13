"""Fans one camera out to everything that consumes it."""
