"""The page Campaigns."""

from dashboard import campaigns_page

campaigns_page.show()
