"""What follows from alerts together: app reports, joins, risk and campaigns.

Each part is a function of the alerts that stand (and of a few counted events): how they came to stand does not
matter, and what no longer follows is withdrawn.
"""
