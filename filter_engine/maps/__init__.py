"""Maps: sets, tables, networks and patterns from files, URLs and the configuration itself."""

from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.maps.map import Hit, Map
from filter_engine.maps.maps import Maps

__all__ = ["MAP_DEFINITION", "Hit", "Map", "MapDefinition", "MapKind", "Maps"]
