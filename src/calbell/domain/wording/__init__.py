"""Wording: what a push says, in whose words, and how much of it."""

from calbell.domain.privacy import Privacy
from calbell.domain.wording.own_texts import WrongText
from calbell.domain.wording.reader import Reader
from calbell.domain.wording.texts import Texts, texts_of
from calbell.domain.wording.words import Voice, Words, hash_of, words

__all__ = [
    "Privacy",
    "Reader",
    "Texts",
    "Voice",
    "Words",
    "WrongText",
    "hash_of",
    "texts_of",
    "words",
]
