"""The commands of `attacca`, one module each; a module is imported when its command is called."""
