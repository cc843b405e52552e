"""The ASGI application: routes, credentials, error envelope. Thin: parse, call a flow, answer."""
