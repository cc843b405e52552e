"""Calbell rings the phone when somebody books, moves or cancels a meeting."""

__version__ = "0.1.0"
