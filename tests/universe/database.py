"""The one database of a universe, which all its processes share."""

from collections.abc import Callable
from datetime import datetime

from typing_extensions import override

from calbell.store import migrate
from calbell.store.connection import Row, Value
from calbell.store.database import run_once
from calbell.store.sqlite import SqliteConnection
from calbell.store.statements import Dialect, Statement
from calbell.store.times import to_ms

WATCH = """
create table moves (
  kind text, before text, after text, primary key (kind, before, after)
) without rowid;
create trigger watch_deliveries after update of state on deliveries
  when old.state <> new.state
  begin insert or ignore into moves values ('delivery', old.state, new.state); end;
create trigger watch_notifications after update of state on notifications
  when old.state <> new.state
  begin insert or ignore into moves values ('notification', old.state, new.state); end;

create table superseded (notification_id integer primary key, at integer);
create trigger watch_superseding after update of superseded_by on notifications
  when old.superseded_by is null and new.superseded_by is not null
  begin insert into superseded values (new.id, universe_ms()); end;
create trigger watch_forgetting after delete on notifications
  begin delete from superseded where notification_id = old.id; end;

create table known_tickets (delivery_id integer primary key, at integer);
create trigger watch_new_tickets after insert on attempts when new.ticket_id is not null
  begin
    delete from known_tickets where delivery_id = new.delivery_id;
    insert into known_tickets values (new.delivery_id, universe_ms());
  end;
create trigger watch_late_tickets after update of ticket_id on attempts
  when new.ticket_id is not null
  begin
    delete from known_tickets where delivery_id = new.delivery_id;
    insert into known_tickets values (new.delivery_id, universe_ms());
  end;
create trigger watch_deleted_deliveries after delete on deliveries
  begin delete from known_tickets where delivery_id = old.id; end;

create table learned (phone_id integer primary key, at integer);
create trigger watch_projects after update of project_id on phones
  when old.project_id <> new.project_id
  begin
    delete from learned where phone_id = new.id;
    insert into learned values (new.id, universe_ms());
  end;

create table forgotten (uid text, end_at integer);
create trigger watch_bookings after delete on bookings
  begin insert into forgotten values (old.uid, coalesce(old.end_at, old.updated_at)); end;

create table over (booking_id integer primary key, at integer);
create trigger watch_ends after update of status, replaced_by_uid on bookings
  when new.status in ('cancelled', 'rejected') or new.replaced_by_uid is not null
  begin insert or ignore into over values (new.id, universe_ms()); end;
create trigger watch_forgotten after delete on bookings
  begin delete from over where booking_id = old.id; end;

create index deliveries_by_key on deliveries(key);
"""
"""Makes the database itself remember when what was known, and every transition that anybody
makes."""


class SharedConnection(SqliteConnection):
    """SQLite in memory, which says of itself that it is the other engine where several processes
    share it: only then do they tell each other of work. `was_notified` says that one did."""

    def __init__(self, clock: Callable[[], datetime], *, alone: bool) -> None:
        super().__init__(":memory:")
        self.was_notified = False
        run_once(self, migrate.migrate, clock())
        self._raw.create_function("universe_ms", 0, lambda: to_ms(clock()))
        self.script(WATCH)
        if not alone:
            self.dialect = Dialect.POSTGRESQL

    @override
    def run(self, statement: Statement, /, **scalars: Value) -> list[Row]:
        if statement.name == "notify":
            self.was_notified = True
        return super().run(statement, **scalars)

    def ask(self, sql: str, *values: Value) -> list[Row]:
        """The rows of a query made up for a test."""
        return self._raw.execute(sql, values).fetchall()
