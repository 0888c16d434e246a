"""Migrations of the map."""
