"""Runs the functions and the extension on this machine, with nothing but the loopback."""
