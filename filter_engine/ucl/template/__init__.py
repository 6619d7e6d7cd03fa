"""Templates of configuration files, as Rspamd reads them: Jinja's tags around Lua's expressions.

Source: Rspamd's documentation of Jinja templates in configuration files, and what
``rspamadm configdump`` answers. Expressions follow Lua, not Python: ``~=`` is "not equal", ``..``
joins, only ``nil`` and ``false`` are false, tables count from 1.
"""

from filter_engine.ucl.template.render import Rendered, render, template_variables

__all__ = ["Rendered", "render", "template_variables"]
