"""Numbered migrations. One rule: a new schema must still serve the previous release."""
