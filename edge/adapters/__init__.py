"""What the edge's ports are made of: aiohttp's client."""
