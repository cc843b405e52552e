-- Of a database that is a copy of another one: when it was made, and since when it serves instead.
create table copies (
  made_at {int} primary key,
  restored_at {int}
{table_end};
