#!/usr/bin/python3
"""What a receiver makes of a sender's SPF record: Debian's pyspf, JSON in and out.

In: a list of {address, sender, helo}; out, in the same order: the results of RFC 7208, section 2.6.
Asks the authoritative server that /etc/resolv.conf names.
"""

import json
import sys

import spf

found = [
    spf.check2(i=asked["address"], s=asked["sender"], h=asked["helo"])[0]
    for asked in json.load(sys.stdin)
]
json.dump(found, sys.stdout)
