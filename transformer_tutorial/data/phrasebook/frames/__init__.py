"""The sentence patterns, by theme; `FRAMES` holds them all, in the order of their names."""

from transformer_tutorial.data.phrasebook.frames import (
    company,
    doing,
    health,
    linked,
    people,
    registry,
    table,
    things,
    town,
    travel,
    weather,
    wishing,
)

THEMES = (people, things, doing, wishing, company, town, table, travel, weather, health, linked)
FRAMES = tuple(sorted(registry.FRAMES, key=lambda frame: frame.name))
