"""The demo's two web apps: small, real, and users of the emitter like any customer's."""
