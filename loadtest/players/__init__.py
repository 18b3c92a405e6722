"""Real players in a real browser, for the proof that they accept what we serve."""
