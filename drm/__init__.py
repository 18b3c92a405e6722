"""Content keys, licences and playback tokens."""
