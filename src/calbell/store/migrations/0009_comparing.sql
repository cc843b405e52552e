-- serves: 5
-- What was sent can be compared with what another version would send (domain/comparison.py).
-- A short hash of the words of an attempt; the words themselves, which name people, are not kept.
alter table attempts add column words_hash text;
-- Since when a user's choices, addresses, language, zone and clock are what they are; null: since
-- before anybody noted it.
alter table users add column changed_at {int};
-- When an event was taken in that nobody could make anything of when it came.
alter table events add column mended_at {int};
