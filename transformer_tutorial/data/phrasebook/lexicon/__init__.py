"""The words, by theme. Read: adjectives (nouns name those that suit them), things, places, people, times, actions."""
