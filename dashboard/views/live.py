"""The page Live sessions."""

from dashboard import live_sessions_page

live_sessions_page.show()
