"""Mails with known fates: the catalogue, posting one, finding where it ended, judging it."""
