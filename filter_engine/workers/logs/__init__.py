"""Log lines: where they go, what they look like, and the one line about each message."""

from filter_engine.workers.logs.message_line import log_message as log_message
from filter_engine.workers.logs.setup import configure as configure
from filter_engine.workers.logs.setup import reopen as reopen
from filter_engine.workers.logs.setup import serve_as as serve_as
from filter_engine.workers.logs.tag import begin_message as begin_message
from filter_engine.workers.logs.tag import log_tag as log_tag
