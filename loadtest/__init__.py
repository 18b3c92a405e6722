"""Whole installations under test: started as their users start them, used, stopped and killed."""
