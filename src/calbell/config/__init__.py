"""Configuration: every setting declared once, read from the environment and `.env`, checked.

`load` is the only reader of the environment; the rest of the program is handed a `Settings`.
A setting is one field of `Settings`: from its declaration come the reading, the errors and the
reference page (`python -m calbell.config > docs/reference/configuration.md`).
"""

from calbell.config.kinds import (
    Admit,
    AuthMethod,
    AutoConnect,
    LogFormat,
    LogLevel,
    Secret,
    TokenOwnership,
)
from calbell.config.settings import Settings
from calbell.config.sources import describe, load
from calbell.config.variables import PREFIX, VARIABLES, ConfigError
from calbell.domain.privacy import Privacy

__all__ = [
    "PREFIX",
    "VARIABLES",
    "Admit",
    "AuthMethod",
    "AutoConnect",
    "ConfigError",
    "LogFormat",
    "LogLevel",
    "Privacy",
    "Secret",
    "Settings",
    "TokenOwnership",
    "describe",
    "load",
]
