-- name: page_of_devices
-- Subscriptions with their phones in the order of registration, above one of them.
select s.id, s.user_id, p.token, s.platform, s.device_id, s.created_at, s.updated_at,
  s.last_seen_at, p.owner_user_id, p.registered_at, p.dead_at, p.dead_code, p.last_receipt_at,
  p.last_receipt_code, j.name
from subscriptions s
join phones p on p.id = s.phone_id
join projects j on j.id = p.project_id
where s.id > :after order by s.id limit :number

-- name: carried_devices_of_user
-- The same of one user.
select s.id, s.user_id, p.token, s.platform, s.device_id, s.created_at, s.updated_at,
  s.last_seen_at, p.owner_user_id, p.registered_at, p.dead_at, p.dead_code, p.last_receipt_at,
  p.last_receipt_code, j.name
from subscriptions s
join phones p on p.id = s.phone_id
join projects j on j.id = p.project_id
where s.user_id = :user_id order by s.id

-- name: known_devices
-- Those of these phones that are known, each with this user's subscription where he has one;
-- nobody else changes them until the transaction ends.
select r.user_id, r.token_hash, p.id, p.owner_user_id, p.registered_at, p.dead_at, p.dead_code,
  p.last_receipt_at, p.last_receipt_code, j.name, s.id, s.platform, s.device_id, s.created_at,
  s.updated_at, s.last_seen_at
from rows(user_id bigint, token_hash text) as r
join phones p on p.token_hash = r.token_hash
join projects j on j.id = p.project_id
left join subscriptions s on s.user_id = r.user_id and s.phone_id = p.id
order by p.token_hash
{lock_phones}

-- name: known_subscription_ids
-- Which of these ids are a subscription's.
select s.id from rows(id bigint) as r join subscriptions s on s.id = r.id

-- name: insert_phones
-- They are new here.
insert into phones (token, token_hash, project_id, owner_user_id, registered_at, dead_at,
  dead_code, bad_in_row, last_receipt_at, last_receipt_code)
select token, token_hash, project_id, owner_user_id, registered_at, dead_at,
  dead_code, 0, last_receipt_at, last_receipt_code
from rows(token text, token_hash text, project_id bigint, owner_user_id bigint,
  registered_at bigint, dead_at bigint, dead_code text, last_receipt_at bigint,
  last_receipt_code text) as r where true
returning token_hash, id

-- name: update_phones
-- They are as given. One that was registered since is not suspected of anything.
update phones set
  suspected_at = case when phones.registered_at < r.registered_at then null else suspected_at end,
  bad_in_row = case when phones.registered_at < r.registered_at then 0 else bad_in_row end,
  owner_user_id = r.owner_user_id, registered_at = r.registered_at, dead_at = r.dead_at,
  dead_code = r.dead_code, last_receipt_at = r.last_receipt_at,
  last_receipt_code = r.last_receipt_code
from rows(id bigint, owner_user_id bigint, registered_at bigint, dead_at bigint, dead_code text,
  last_receipt_at bigint, last_receipt_code text) as r
where phones.id = r.id

-- name: insert_numbered_subscriptions
-- They are new here and keep their ids.
insert into subscriptions (id, user_id, phone_id, platform, device_id, created_at, updated_at,
  last_seen_at)
select id, user_id, phone_id, platform, device_id, created_at, updated_at, last_seen_at
from rows(id bigint, user_id bigint, phone_id bigint, platform text, device_id text,
  created_at bigint, updated_at bigint, last_seen_at bigint) as r where true

-- name: insert_subscriptions
-- They are new here and get ids.
insert into subscriptions (user_id, phone_id, platform, device_id, created_at, updated_at,
  last_seen_at)
select user_id, phone_id, platform, device_id, created_at, updated_at, last_seen_at
from rows(user_id bigint, phone_id bigint, platform text, device_id text, created_at bigint,
  updated_at bigint, last_seen_at bigint) as r where true

-- name: update_subscriptions
-- They are as given.
update subscriptions set
  platform = r.platform, device_id = r.device_id, updated_at = r.updated_at,
  last_seen_at = r.last_seen_at
from rows(id bigint, platform text, device_id text, updated_at bigint, last_seen_at bigint) as r
where subscriptions.id = r.id
