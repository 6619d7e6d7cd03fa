"""The Universal Configuration Language: parser, nodes that know their origin, emitter."""

from filter_engine.ucl.document import Document, parse, parse_file, parse_node
from filter_engine.ucl.emitter import emit, emit_json
from filter_engine.ucl.errors import UclError
from filter_engine.ucl.limits import LIMITS, Limits
from filter_engine.ucl.nodes import Origin, UclArray, UclNode, UclObject, UclScalar, to_python
from filter_engine.ucl.yaml_emitter import emit_yaml

__all__ = [
    "LIMITS",
    "Document",
    "Limits",
    "Origin",
    "UclArray",
    "UclError",
    "UclNode",
    "UclObject",
    "UclScalar",
    "emit",
    "emit_json",
    "emit_yaml",
    "parse",
    "parse_file",
    "parse_node",
    "to_python",
]
