"""The front door: `attacca …` starts and wires the roles; it holds no logic of its own."""
