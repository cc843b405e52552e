"""The application is asked anything: what must hold, whatever comes in."""
