"""Wording: what a push says, in whose words, and how much of it."""

from calbell.domain.privacy import Privacy
from calbell.domain.wording.own_texts import WrongText
from calbell.domain.wording.reader import Reader
from calbell.domain.wording.texts import Texts, texts_of
from calbell.domain.wording.words import Voice, Words, words

__all__ = ["Privacy", "Reader", "Texts", "Voice", "Words", "WrongText", "texts_of", "words"]
