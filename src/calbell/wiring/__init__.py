"""Wiring: the only place where all parts meet."""

from calbell.wiring.application import application as application
from calbell.wiring.beside import beside as beside
from calbell.wiring.parts import Parts as Parts
from calbell.wiring.parts import Turn as Turn
from calbell.wiring.parts import assemble as assemble
from calbell.wiring.service import GRACE as GRACE
from calbell.wiring.service import Service as Service
