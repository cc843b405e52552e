-- name: register_phones
-- The phones are known, alive, and belong to who registered them now.
insert into phones (token, token_hash, project_id, owner_user_id, registered_at, bad_in_row)
select token, token_hash, 1, user_id, at, 0
from rows(token text, token_hash text, user_id bigint, at bigint) as r where true
on conflict (token_hash) do update set
  owner_user_id = excluded.owner_user_id, registered_at = excluded.registered_at,
  dead_at = null, dead_code = null, suspected_at = null, bad_in_row = 0
returning token_hash, id

-- name: register_subscriptions
-- Each user has one subscription for each of his phones, as registered last; none who was removed.
insert into subscriptions (user_id, phone_id, platform, device_id, created_at, updated_at)
select user_id, phone_id, platform, device_id, at, at
from rows(user_id bigint, phone_id bigint, platform text, device_id text, at bigint) as r
where not exists (select 1 from users u where u.id = r.user_id and u.removed_at is not null)
on conflict (user_id, phone_id) do update set
  platform = excluded.platform, device_id = excluded.device_id,
  updated_at = excluded.updated_at, last_seen_at = excluded.updated_at
returning user_id, phone_id, id, platform, device_id, created_at, updated_at

-- name: lock_phone
-- Nobody else changes this phone until the transaction ends.
select id from phones where token_hash = :token_hash {lock_rows}

-- name: remove_subscription
-- The user has no subscription for this token any more.
delete from subscriptions
where user_id = :user_id and phone_id in (select id from phones where token_hash = :token_hash)
returning phone_id

-- name: disown_phone
-- The phone rings for nobody until somebody registers it.
update phones set owner_user_id = null where id = :phone_id and owner_user_id = :user_id

-- name: phones_of_users
-- The phones of these users, in the order of registration.
select s.id, s.user_id, s.phone_id, s.platform, p.project_id, p.owner_user_id, p.dead_at
from rows(user_id bigint) as r
join subscriptions s on s.user_id = r.user_id
join phones p on p.id = s.phone_id
order by s.id

-- name: devices_of_user
-- A user's subscriptions with the health of their phones, in the order of registration.
select s.id, s.platform, p.token, s.device_id, s.created_at, s.updated_at, s.last_seen_at,
  p.owner_user_id, p.dead_at, p.dead_code, p.last_receipt_at, p.last_receipt_code
from subscriptions s join phones p on p.id = s.phone_id
where s.user_id = :user_id
order by s.id

-- name: note_sightings
-- Nothing is sent to phones that are gone until they register again, unless they did since Expo was
-- asked. Since when a phone is doubted counts from the first time.
update phones set
  dead_at = case when r.sighting = 'gone' then coalesce(dead_at, :now) else dead_at end,
  dead_code = case when r.sighting = 'gone' and dead_at is null then r.code else dead_code end,
  suspected_at = coalesce(suspected_at, r.asked_at)
from rows(phone_id bigint, sighting text, code text, asked_at bigint) as r
where phones.id = r.phone_id and phones.registered_at <= r.asked_at

-- name: learn_projects
-- These tokens belong to these projects of Expo.
update phones set project_id = r.project_id
from rows(token_hash text, project_id bigint) as r
where phones.token_hash = r.token_hash

-- name: move_deliveries
-- What waits for phones of a project waits in that project's line. What was held in the other line
-- is due: it is not the same credentials.
update deliveries set project_id = p.project_id,
  due_at = case when deliveries.due_at = deliveries.expires_at then :now else deliveries.due_at end
from rows(token_hash text) as r, phones p
where p.token_hash = r.token_hash and deliveries.phone_id = p.id and deliveries.state = 'queued'

-- name: note_receipts
-- When the last receipt of these phones came, and what it said. One that rang is there; one whose
-- token Apple called bad too often in a row is not.
update phones set last_receipt_at = :now, last_receipt_code = r.code,
  suspected_at = case when r.code = 'ok' then null else suspected_at end,
  bad_in_row = case r.code when 'ok' then 0 when :bad then bad_in_row + 1 else bad_in_row end,
  dead_at = case when r.code = :bad and bad_in_row + 1 >= :too_many then coalesce(dead_at, :now)
    else dead_at end,
  dead_code = case when r.code = :bad and bad_in_row + 1 >= :too_many
    then coalesce(dead_code, r.code) else dead_code end
from rows(phone_id bigint, code text) as r where phones.id = r.phone_id
