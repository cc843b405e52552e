-- The tables to begin with. Times are integers, milliseconds since 1970 in UTC; lists and values
-- that are only read whole are JSON in text. Hot indexes are partial: history costs nothing.

create table users (
  id {int} primary key,
  name text not null,
  username text,
  time_zone text not null,
  locale text not null,
  time_format {int} not null,
  source text not null,
  organization_id {int},
  preferences text,
  created_at {int} not null,
  refreshed_at {int} not null
{table_end};

create table addresses (
  address text primary key,
  user_id {int} not null references users(id) on delete cascade,
  is_primary {int} not null
{table_end};
create index addresses_of_user on addresses(user_id);

create table api_keys (
  id {identity},
  user_id {int} references users(id) on delete cascade,
  role text,
  hash text not null unique,
  hint text not null,
  name text not null,
  created_at {int} not null,
  expires_on text,
  revoked_at {int},
  last_used_at {int}
{table_end};
create index api_keys_of_user on api_keys(user_id);

create table sources (
  id {identity},
  path text not null unique,
  secret text not null,
  old_secret text,
  old_until {int},
  scope text not null,
  user_id {int} references users(id) on delete cascade,
  remote_id text,
  last_event_at {int}
{table_end};

create table projects (
  id {identity},
  name text unique,
  free_at {int} not null,
  backoff_until {int} not null
{table_end};
-- Tokens whose project nobody has told us belong to row 1.
insert into projects (name, free_at, backoff_until) values (null, 0, 0);

create table holds (
  project_id {int} not null references projects(id) on delete cascade,
  platform text not null,
  code text not null,
  since {int} not null,
  probe_at {int} not null,
  primary key (project_id, platform)
{table_end};

create table phones (
  id {identity},
  token text not null,
  token_hash text not null unique,
  project_id {int} not null references projects(id),
  owner_user_id {int} references users(id) on delete set null,
  registered_at {int} not null,
  dead_at {int},
  dead_code text,
  bad_in_row {int} not null,
  last_receipt_at {int},
  last_receipt_code text
{table_end};

create table subscriptions (
  id {identity},
  user_id {int} not null references users(id) on delete cascade,
  phone_id {int} not null references phones(id) on delete cascade,
  platform text not null,
  device_id text not null,
  created_at {int} not null,
  updated_at {int} not null,
  last_seen_at {int},
  unique (user_id, phone_id)
{table_end};
create index subscriptions_of_phone on subscriptions(phone_id);

create table bookings (
  id {row_id},
  uid text not null unique,
  status text,
  title text not null,
  start_at {int},
  end_at {int},
  place text,
  people text not null,
  seats {int},
  observed text not null,
  replaced_by_uid text,
  version {int} not null,
  updated_at {int} not null
{table_end};
create index bookings_by_end on bookings(coalesce(end_at, updated_at));

create table events (
  id {row_id},
  public_id text not null unique,
  source_id {int} references sources(id) on delete set null,
  trigger_name text not null,
  kind text,
  booking_id {int} references bookings(id) on delete cascade,
  state text not null,
  reason text,
  recipients {int} not null,
  sent_at {int} not null,
  received_at {int} not null,
  actor text,
  body_hash text not null,
  raw {bytes} not null
{table_end};
create index events_of_booking on events(booking_id);
create index events_without_booking on events(received_at) where booking_id is null;
create index events_unreadable on events(received_at) where state = 'unreadable';

create table event_keys (
  key text primary key,
  event_id {int} not null references events(id) on delete cascade,
  body_hash text not null,
  seen_at {int} not null
{table_end};
create index event_keys_of_event on event_keys(event_id);

create table notifications (
  id {row_id},
  event_id {int} references events(id) on delete set null,
  booking_id {int} references bookings(id) on delete cascade,
  booking_version {int} not null,
  user_id {int} not null references users(id) on delete cascade,
  role text not null,
  kind text not null,
  state text not null,
  reason text,
  due_at {int} not null,
  expires_at {int} not null,
  facts text not null,
  superseded_by {int},
  created_at {int} not null,
  settled_at {int},
  unique (booking_id, booking_version, user_id, kind, due_at)
{table_end};
create index notifications_waiting on notifications(due_at) where state = 'waiting';
create index notifications_of_event on notifications(event_id);
create index notifications_of_user on notifications(user_id);
create index notifications_without_booking on notifications(created_at) where booking_id is null;

create table deliveries (
  id {identity},
  notification_id {int} not null references notifications(id) on delete cascade,
  user_id {int} not null,
  subscription_id {int} not null,
  phone_id {int} not null references phones(id),
  platform text not null,
  project_id {int} not null references projects(id),
  key text not null,
  state text not null,
  reason text,
  due_at {int} not null,
  expires_at {int} not null,
  worker text,
  lease_until {int},
  attempt {int} not null,
  possibly_sent {int} not null,
  most_together {int} not null,
  created_at {int} not null,
  settled_at {int}
{table_end};
create index deliveries_queued on deliveries(project_id, due_at, id) where state = 'queued';
create index deliveries_leased on deliveries(lease_until) where state = 'sending';
create index deliveries_of_notification on deliveries(notification_id);
create index deliveries_of_phone on deliveries(phone_id);

create table attempts (
  id {row_id},
  delivery_id {int} not null references deliveries(id) on delete cascade,
  number {int} not null,
  at {int} not null,
  outcome text not null,
  code text,
  ticket_id text,
  receipt_due_at {int},
  receipt_look {int} not null,
  receipt_at {int},
  receipt_code text,
  unique (delivery_id, number)
{table_end};
create index attempts_without_receipt on attempts(receipt_due_at) where receipt_due_at is not null;

create index attempts_failed on attempts(id) where outcome <> 'accepted';

create table refusals (
  id {row_id},
  at {int} not null,
  reason text not null,
  size {int} not null
{table_end};

create table hourly (
  hour {int} not null,
  name text not null,
  label text not null,
  count {int} not null,
  primary key (hour, name, label)
{table_end};
