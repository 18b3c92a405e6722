"""What every role shares: settings, logging, credentials, files replaced whole, and listeners."""
