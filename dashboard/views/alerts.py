"""The page Alerts."""

from dashboard import alerts_page

alerts_page.show()
