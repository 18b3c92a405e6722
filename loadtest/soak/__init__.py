"""Parts of `loadtest/verify_cache.py`: a world that changes, and listeners that check each byte."""
