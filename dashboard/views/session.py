"""The page Session."""

from dashboard import session_page

session_page.show()
