"""Sessions of Django: a map from hashed ids to session keys, kept beside the sessions, and a command that ends them.

INSTALLED_APPS = [..., "sessionwatch_emitter.django_sessions"]
MIDDLEWARE = ["sessionwatch_emitter.django_sessions.middleware.SessionKeyMiddleware", ..., SessionMiddleware, ...]
SESSIONWATCH_EMITTER = "bank.watch.emitter"   # the app's SessionEmitter
SESSIONWATCH_USER_OF = "bank.watch.user_of"   # whose a request is, as events tell it; default: the user's key
"""
