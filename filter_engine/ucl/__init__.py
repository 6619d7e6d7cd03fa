"""The Universal Configuration Language: parser, nodes with origins, emitter."""
