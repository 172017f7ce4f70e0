"""Engines under torture: several processes, checked operations, and everything that can go wrong."""
