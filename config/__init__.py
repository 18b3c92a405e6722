"""What every role shares: settings, logging, credentials, and how a listener is opened."""
