"""The demo: boot the lab, roll the site out, send the mails, show what became of each."""
