"""The page Response."""

from dashboard import response_page

response_page.show()
