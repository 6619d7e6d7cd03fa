"""The message model: headers, addresses, trace fields, MIME parts, text and URLs."""

from filter_engine.message.address import Address
from filter_engine.message.defect import Defect
from filter_engine.message.header import HeaderField
from filter_engine.message.message import Message
from filter_engine.message.part import Part
from filter_engine.message.received import Received
from filter_engine.message.url import Url, UrlFlag

__all__ = ["Address", "Defect", "HeaderField", "Message", "Part", "Received", "Url", "UrlFlag"]
