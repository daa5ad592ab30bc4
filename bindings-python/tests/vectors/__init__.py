"""Replays the core's transcripts; `core/tests/vectors/README.md` says what each step means."""
