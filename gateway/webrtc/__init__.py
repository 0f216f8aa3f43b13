"""Serves viewers by WebRTC: one port, signalling, fan-out."""
