-- serves: 5
-- What another program is to be told, and what became of telling it. `about` is what a notice is
-- of: it is told once. While `settled_at` is null it is sent at `due_at`; who sends it puts that
-- off for the time of his lease. `failure` is why the last attempt was in vain.
create table notices (
  id {row_id},
  public_id text not null unique,
  about text not null unique,
  kind text not null,
  user_id {int},
  body text not null,
  created_at {int} not null,
  due_at {int} not null,
  attempt {int} not null,
  failure text,
  failed_at {int},
  outcome text,
  settled_at {int}
{table_end};
create index notices_due on notices(due_at, id) where settled_at is null;
create index notices_given_up on notices(settled_at) where outcome = 'given_up';
create index notices_by_age on notices(created_at, id);
create index notices_of_user on notices(user_id) where user_id is not null;
