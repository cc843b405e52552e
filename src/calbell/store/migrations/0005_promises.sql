-- serves: 2
-- What each migration promises: programs that know the schema up to there go on with it.
alter table schema add column serves bigint;
