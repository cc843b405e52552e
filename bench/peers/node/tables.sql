-- What schema.prisma describes, in plain SQL: Prisma's own migrations need an engine.
create type "SubscriptionType" as enum ('APP_PUSH');
create type "Platform" as enum ('IOS', 'ANDROID');
create table "ApiKey" (
  id serial primary key,
  "hashedKey" text not null unique,
  "userId" integer not null,
  "expiresAt" timestamp(3)
);
create table "Subscription" (
  id serial primary key,
  "userId" integer not null,
  type "SubscriptionType" not null,
  platform "Platform" not null,
  identifier text not null,
  "deviceId" text not null,
  "createdAt" timestamp(3) not null default current_timestamp,
  "updatedAt" timestamp(3) not null,
  "lastSeenAt" timestamp(3),
  unique ("userId", type, identifier)
);
