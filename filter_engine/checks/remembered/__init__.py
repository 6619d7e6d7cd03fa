"""Checks that know what was before, in a store: greylisting, rate limits, answers, history.

Their keys and values are Rspamd's, so that a site moves with what it has remembered.
"""

from filter_engine.checks.remembered import greylist as greylist  # declares the checks
from filter_engine.checks.remembered import history as history
from filter_engine.checks.remembered import known_senders as known_senders
from filter_engine.checks.remembered import ratelimit as ratelimit
from filter_engine.checks.remembered import replies as replies
from filter_engine.checks.remembered import spamtrap as spamtrap
